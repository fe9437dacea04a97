package cli

// Vars is for tests that look at the grammar itself.
var Vars = vars
