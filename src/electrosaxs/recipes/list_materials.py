"""The built-in cores, ligands and solvents as text, each value with its unit and source."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import InputFileError, bad_value
from ..materials import TABLES
from ..nouns.material import REFERENCE_TEMPERATURE_K, Material, Pairs

UNITS = {
    "density_g_cm3": "g/cm3",
    "molar_mass_g_mol": "g/mol",
    "dry_shell_nm": "nm per side",
    "solvated_shell_nm": "nm per side",
    "viscosity_uPa_s": "uPa s",
    "permittivity": "",
    "compressibility_per_GPa": "1/GPa",
}
OWN = (
    "A file may bring its own: tables [materials.core.NAME], [materials.ligand.NAME], [materials.solvent.NAME] with the keys "
    "above and formula (docs/formats.md)."
)


def list_materials(name: str | None = None) -> str:
    """All built-in materials, or those whose name, other name, formula or kind holds `name`; InputFileError for none.

    >>> from electrosaxs import list_materials
    >>> print(list_materials("toluene"))
    """
    found = [
        (kind, entry, material)
        for kind, table in TABLES.items()
        for entry, material in table.items()
        if name is None or name.casefold() in {f"{kind}s", kind} or _matches(name, entry, material)
    ]
    if not found:
        known = "; ".join(f"{kind}s: {', '.join(table)}" for kind, table in TABLES.items())
        raise bad_value(
            InputFileError, where="materials", field="NAME", value=f'"{name}"', rule="is no material that is known",
            remedy=f"{known}; or describe it in a table [materials.core.{name}] of your file",
        )  # fmt: skip
    blocks, last = [], ""
    for kind, entry, material in found:
        blocks += [f"{kind}s"] if kind != last else []
        last = kind
        blocks += _lines(entry, material)
    return "\n".join([*blocks, "", OWN])


def _matches(name: str, entry: str, material: Material) -> bool:
    texts = (entry, material.formula, *material.also)
    return any(name.casefold() in text.casefold() for text in texts)


def _lines(entry: str, material: Material) -> Iterator[str]:
    others = f"  (also: {', '.join(material.also)})" if material.also else ""
    yield f"  {entry}  {material.formula}{others}"
    for key, unit in UNITS.items():
        value = getattr(material, key, None)
        if value is None:
            continue
        shown = _viscosity(value) if isinstance(value, tuple) else f"{value:g} {unit}"
        yield f"    {key:<24}{shown.strip():<32} {material.source_of(key)}"


def _viscosity(pairs: Pairs) -> str:
    """The value at room temperature, and from where to where it is known."""
    room = next(eta for temperature, eta in pairs if temperature == REFERENCE_TEMPERATURE_K)
    return f"{room:.4g} uPa s ({pairs[0][0]:g} to {pairs[-1][0]:g} K)"
