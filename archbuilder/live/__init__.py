"""The analyser for a browser, an editor and an agent."""
