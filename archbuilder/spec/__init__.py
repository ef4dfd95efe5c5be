"""What a file says, typed: the top level and the data: and train: sections."""
