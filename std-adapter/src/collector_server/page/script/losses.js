// losses
