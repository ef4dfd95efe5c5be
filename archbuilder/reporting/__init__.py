"""Facts and diagnostics as output, one file per format."""
