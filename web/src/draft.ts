// What was typed survives a closed tab: it is kept in the browser, until it is saved or handed on.

const KEY = "archbuilder:draft:";

export interface Draft {
  text: string;
  base: string;
  time: number;
}

/** False where the browser keeps nothing (private windows, a text that is too large). */
export function keep(file: string, draft: Draft): boolean {
  try {
    localStorage.setItem(KEY + file, JSON.stringify(draft));
    return true;
  } catch {
    return false;
  }
}

export function kept(file: string): Draft | null {
  try {
    const found = JSON.parse(localStorage.getItem(KEY + file) ?? "null");
    return found && typeof found.text === "string" ? found : null;
  } catch {
    return null;
  }
}

export function forget(file: string): void {
  try {
    localStorage.removeItem(KEY + file);
  } catch {
    // nothing is kept there
  }
}

export function setting(name: string, value?: string): string | null {
  try {
    if (value !== undefined) localStorage.setItem(`archbuilder:${name}`, value);
    return localStorage.getItem(`archbuilder:${name}`);
  } catch {
    return null;
  }
}
