"""What every long job shares: status, progress, heartbeat, cancel, and the sweep that revives what died."""
