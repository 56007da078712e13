"""What can be done to a job from outside."""
