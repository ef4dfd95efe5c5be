"""What an editor shows at a place in a text: completion, manual, numbers, edits that fix a finding."""
