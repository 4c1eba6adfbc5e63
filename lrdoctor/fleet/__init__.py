"""Many runs: engines, workers, stores."""
