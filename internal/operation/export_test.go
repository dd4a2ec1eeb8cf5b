package operation

// Waiters counts who waits for Operations to end.
func (e *Engine) Waiters() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.waiters)
}
