// trace
