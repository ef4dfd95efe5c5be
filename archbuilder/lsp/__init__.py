"""The language server: the results of `check` in an editor, while a file is being written.

`server` answers requests with the help of the other modules, from a file's text and report.
"""
