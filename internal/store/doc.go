// Package store keeps the nouns of package cloud in SQLite or PostgreSQL.
//
// It knows rows, columns and transactions. It knows no rule about the nouns:
// which change is allowed, who may see what and what counts against a quota is
// said by the use cases, which see a table as cloud.Records and the whole as
// cloud.Transactor. Package daemon opens the Store and hands its tables out.
//
//	Store.Instances ... Store.Settings        one table per noun, typed      nouns_*.go (data)
//	        |
//	    table[T, ID]                          doc is the truth,              table.go, list.go, query.go
//	        |                                 columns are its index
//	    transaction in the context            Update, View, Lock, After      transact.go
//	        |
//	    engine  -- sqlite: one writer that shares commits, many readers      sqlite.go, writer.go
//	            \- postgres: a pool; advisory locks, CAS, reruns             postgres.go
//
// Every noun is stored whole, as a JSON document. The columns beside it hold
// what is filtered, sorted, summed or unique, are computed from the document at
// each write, and can be computed again (schema.go does when definitions change).
// Times in columns are microseconds since 1970, booleans are 0 or 1, and nothing is null.
package store
