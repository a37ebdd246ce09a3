"""The order of things: pull, apply, settle, plan, push, sweep, reconcile; locks and retries."""
