package operation

// Waiters counts who waits for Operations to end.
func (e *Engine) Waiters() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.waiters)
}

// IsDead tells whether a Fault has struck the Engine dead.
func (e *Engine) IsDead() bool { return e.dead.Load() }
