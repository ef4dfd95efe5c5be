import { App } from "./app";

const meta = (name: string) => document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? "";

void new App(document.getElementById("app")!, meta("archbuilder-mode") === "live", meta("csp-nonce")).start();
