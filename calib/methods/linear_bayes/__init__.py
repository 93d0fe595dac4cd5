"""The posterior mean of rows under the covariance of known matrices."""
