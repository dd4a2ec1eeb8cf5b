// Package trace keeps the log that answers who did what from where, months later: sign-ins, accepted and refused, and every
// request that changes something, by whom, without its body.
//
//	requests ─► queue ─► one writer ─► traces/2026-08-30.jsonl ─► nubo trace
//	             (full: they wait)       (synced each second)
//
// The log is appended to and never changed; files older than is wanted are removed. It decides nothing about requests.
// Package daemon writes it, command nubo reads it.
package trace
