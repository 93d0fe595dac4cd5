"""Preprocessing: functions from dataset to dataset, each with its effect on `noise_std`."""
