"""What every data set of a file that we write says of itself."""

from pathlib import Path

import h5py


def silent(path: Path) -> list[str]:
    """Data sets without `dims`, `content`, a meaning (`long_name`) or, where they hold numbers, `units`; whose `dims` are not
    as many as they have."""
    found = []

    def visit(name: str, stored: h5py.Group | h5py.Dataset) -> None:
        if not isinstance(stored, h5py.Dataset):
            return
        needed = {"dims", "content", "long_name"} | (set() if h5py.check_string_dtype(stored.dtype) else {"units"})
        lacking = sorted(needed - set(stored.attrs))
        dims = [dim for dim in str(stored.attrs.get("dims", "")).split(",") if dim]
        if lacking or len(dims) != stored.ndim:
            found.append(f"{name}: lacks {lacking}, dims {dims} of shape {stored.shape}")

    with h5py.File(path) as file:
        file.visititems(visit)
    return found
