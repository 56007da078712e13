"""The context `jobs`: the status of background work that a request started, and its cancellation."""
