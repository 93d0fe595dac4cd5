"""What a dataset is: schema, voxels, coarse sampling, noise, errors."""
