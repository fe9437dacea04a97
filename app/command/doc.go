// Package command is what Orderbridge can be told to do. Each file holds a command, its handler, and the interfaces that
// the handler needs of the outside: what is decided stands in the domain, what is stored in the adapters.
package command
