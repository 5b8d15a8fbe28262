"""Groups and columns of a NeXus file, as the layouts of beamlines are made of."""

import h5py


def nx(parent: h5py.Group, name: str, kind: str, **attributes: str) -> h5py.Group:
    """A group of a NeXus class."""
    group = parent.create_group(name)
    group.attrs.update({"NX_class": kind, **attributes})
    return group


def column(group: h5py.Group, name: str, values: object, unit: str | None = None) -> None:
    """A data set with its unit."""
    group[name] = values
    if unit is not None:
        group[name].attrs["units"] = unit
