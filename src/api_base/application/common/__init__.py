"""The parts that all use cases share: messages and bus, pipeline, events, jobs, lists, batches."""
