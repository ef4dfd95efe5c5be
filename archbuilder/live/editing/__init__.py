"""What an editor shows at a place in a text: completion, manual, numbers, edits that mend a finding."""
