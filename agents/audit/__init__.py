"""The audit: reads the topics and proves that nothing was lost. It writes nothing."""
