package cli

// Vars is for tests that look at the grammar itself.
var Vars = vars

// Ask asks a question and reads the answer.
var Ask = (*Runtime).ask
