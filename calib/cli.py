"""Subcommands of calibration: downsample, recover, methods, evaluate, train. They parse, and make one call."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_type_hints

import numpy as np

import mpisim
from mpisim.command import Command
from mpisim.errors import one_of, require
from mpisim.io import expect_output
from mpisim.noise import PROTOCOL_SNR
from mpisim.options import integer, number, read_toml
from mpisim.progress import say
from mpisim.system_matrix import rows

__all__ = ["COMMANDS"]


def _downsample_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("fine", help="fine system matrix (.nc)")
    parser.add_argument("--factor", required=True, help="voxels per block edge: 2, 4, 8, 16")
    parser.add_argument("--sampling", default="box", help="box (large sample), strided or random (small sample)")
    level = parser.add_mutually_exclusive_group()
    level.add_argument(
        "--snr", default=str(PROTOCOL_SNR), help="RMS of the block means over the noise in dB (default: %(default)s)"
    )
    level.add_argument("--noiseless", action="store_true", help="add no noise")
    parser.add_argument("--seed", default="0", help="seed of the noise and of the random choice")
    parser.add_argument("--out", required=True, help="coarse system matrix (.nc) to write")


def _downsample(options: argparse.Namespace) -> Mapping[str, Any]:
    from calib.sampling import downsample

    expect_output(options.out)
    fine = mpisim.read(options.fine)
    snr = None if options.noiseless else number("snr", options.snr)
    factor, seed = integer("factor", options.factor, 1), integer("seed", options.seed)
    coarse = downsample(fine, factor, options.sampling, snr, seed)
    mpisim.write(coarse, options.out)
    return {
        "out": options.out,
        "rows": len(rows(coarse)),
        "grid": list(reversed(rows(coarse).shape[-2:])),
        "noise_std": float(coarse["noise_std"].max()),
    }


def _recover_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("coarse", help="coarse system matrix (.nc)")
    parser.add_argument("--method", default="transms", help="a name that `mpisim methods` lists (default: transms)")
    parser.add_argument("--weights", help="weights of `mpisim train`; default: those that ship with the package")
    parser.add_argument("--out", required=True, help="fine system matrix (.nc) to write")


def _recover(options: argparse.Namespace) -> Mapping[str, Any]:
    from calib.blockwise import recover_file

    found = recover_file(options.coarse, options.out, options.method, options.weights)
    return {"out": options.out, "method": options.method, **found}


def _methods(options: argparse.Namespace) -> Mapping[str, Any]:
    from calib.recover import METHODS
    from calib.shipped import shipped_weights

    listed: dict[str, Any] = {}
    for name, method in METHODS.items():
        shipped = [f for f in (2, 4, 8) if shipped_weights(name, f).is_file()] if method.learned else []
        listed[name] = {
            "summary": method.summary,
            "sampling": list(method.schemes),
            "learned": method.learned,
            "shipped_factors": shipped,
            "version": method.version,
        }
    width = max(map(len, listed))
    text = "\n".join(
        f"{name:<{width}}  {about['summary']}"
        + (
            f" (weights ship for {', '.join(f'{f}x' for f in about['shipped_factors']) or 'no factor'})"
            if about["learned"]
            else ""
        )
        for name, about in listed.items()
    )
    return {"methods": listed, "text": text}


def _evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("found", help="recovered system matrix (.nc)")
    parser.add_argument("--reference", required=True, help="reference system matrix (.nc)")
    parser.add_argument("--rows", metavar="FILE", help="write the error of every row to a .csv file")


def _evaluate(options: argparse.Namespace) -> Mapping[str, Any]:
    from calib.evaluate import evaluate

    result = evaluate(mpisim.read(options.found), mpisim.read(options.reference))
    if options.rows:
        from mpisim.io.atomic import write_text

        write_text(options.rows, "row,nrmse\n" + "".join(f"{i},{e:.9g}\n" for i, e in enumerate(result["row_nrmse"])))
    finite_rows = [e for e in result.pop("row_nrmse") if np.isfinite(e)]
    quartiles = np.quantile(finite_rows, (0.5, 0.9, 1.0))
    return {
        **result,
        "row_nrmse_median": float(quartiles[0]),
        "row_nrmse_90_percent": float(quartiles[1]),
        "row_nrmse_max": float(quartiles[2]),
    }


def _train_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--method", help="network to train (default: transms)")
    parser.add_argument("--factor", help="super-resolution factor: 2, 4 or 8 (default: 4)")
    parser.add_argument("--data", required=True, help="folder of `mpisim dataset` with the splits train and validation")
    parser.add_argument("--out", required=True, help="folder of the run")
    parser.add_argument("--recipe", default="ours", help="what is not given: ours (default) or published, the paper's")
    parser.add_argument("--config", help="TOML file with any of the keys of calib.recipe.TrainConfig")
    parser.add_argument("--steps", help="number of steps")
    parser.add_argument("--batch", help="rows per step")
    parser.add_argument("--snr", help="noise of the coarse rows in dB re RMS")
    parser.add_argument("--precision", help="float32 or bfloat16")
    parser.add_argument("--seed", help="seed of everything drawn")
    parser.add_argument("--start", help="weights of the same network to start from (default: new ones)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, ...")
    parser.add_argument(
        "--threads", help="threads on the CPU; results may differ in the last digits between numbers of threads"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the folder's checkpoint, if there is one")


def _train(options: argparse.Namespace) -> Mapping[str, Any]:
    config = _train_config(options)
    import torch

    from calib.data import read_folder
    from calib.train import train

    if options.threads:
        torch.set_num_threads(integer("threads", options.threads, 1))
    data = {split: read_folder(options.data, split) for split in ("train", "validation")}
    return train(
        config,
        data["train"],
        data["validation"],
        options.out,
        start=options.start,
        resume=options.resume,
        device=options.device,
        report=say,
    )


def _train_config(options: argparse.Namespace) -> Any:
    from calib.recipe import RECIPES, TrainConfig

    names = [f.name for f in fields(TrainConfig)]
    values = read_toml(options.config, names, "config") if options.config else {}
    types = get_type_hints(TrainConfig)
    for name in names:
        given = getattr(options, name, None)
        if given is not None:
            values[name] = {str: lambda _, text: text, int: integer, float: number}[types[name]](name, given)
    for name, value in values.items():
        fits = isinstance(value, (int, float) if types[name] is float else types[name]) and (
            types[name] is bool or not isinstance(value, bool)
        )
        require(fits, f"configuration key {name}", f"of type {types[name].__name__}", repr(value))
    return RECIPES[one_of("recipe", options.recipe, RECIPES)](**values)


COMMANDS = [
    Command(
        "downsample",
        "measure a fine system matrix coarsely",
        "mpisim downsample sm.nc --factor 4 --out coarse.nc",
        _downsample_arguments,
        _downsample,
    ),
    Command(
        "recover",
        "recover a fine system matrix from a coarse one",
        "mpisim recover coarse.nc --method transms --out fine.nc",
        _recover_arguments,
        _recover,
    ),
    Command("methods", "list the methods of recovery", "mpisim methods", lambda parser: None, _methods),
    Command(
        "evaluate",
        "compare a system matrix with a reference",
        "mpisim evaluate fine.nc --reference sm.nc --json",
        _evaluate_arguments,
        _evaluate,
    ),
    Command(
        "train",
        "train a network on a data set",
        "mpisim train --method transms --factor 4 --data transms --out run",
        _train_arguments,
        _train,
    ),
]
