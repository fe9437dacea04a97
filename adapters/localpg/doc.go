// Package localpg runs the PostgreSQL server that Orderbridge brings along when no DATABASE_URL is set. It uses the
// server that the operating system has installed and keeps its cluster in Orderbridge's data directory.
//
// What it promises:
//
//   - Open on an empty data directory makes a cluster, and on any other finds the one that is there. It never deletes
//     a cluster, never starts an empty one in place of one that has gone missing, and never touches one of another
//     major version.
//   - A cluster appears whole or not at all: it is made in a directory beside its place and renamed once complete.
//   - Any number of processes, and any number of Opens in one, may share a data directory. The first starts the server,
//     the others join it, the last to Close stops it. Killing any of them, the server included, is survived by the
//     next Open.
//   - Only the operating-system user that runs the server, and root, can connect: no TCP, and a socket in a directory
//     that nobody else can enter. That is why the connection needs no password.
//   - The server is not a part of the terminal's job: Ctrl-C reaches Orderbridge, which then closes the server in order.
//
// What lies where, in the data directory or, where the server's user cannot enter that, in a directory that the file
// postgres.location names:
//
//	postgres/          the cluster
//	postgres.initdb-*  a cluster in the making; a leftover of an interrupted one is removed by the next Open
//	postgres.log       the server's log
//	run/               the server's socket, unless the path is too long for one
//	start.lock         held while deciding about starting and stopping
//	users.lock         held, shared, by everybody who uses the server
//
// Both locks are flocks, so the kernel drops them however their holder ends:
//
//	Open    start.lock ─▶ initdb? ─▶ shared users.lock ─▶ start or join ─▶ database? ─▶ start.lock dropped
//	Close   start.lock ─▶ users.lock dropped ─▶ exclusive users.lock? ─▶ yes: stop the server ─▶ start.lock dropped
package localpg
