"""The language server: what `check` knows, in an editor, while a file is written.

`server` takes requests and answers with what the other modules make of a file's text and report.
"""
