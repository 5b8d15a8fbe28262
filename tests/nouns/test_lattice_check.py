"""A lattice constant that its particles cannot have is refused, and cores without a shell in the solvent are bare."""

import pytest

from electrosaxs.nouns.experiment import GrowthSettings, StartingSolution, WrongSetting, check_lattice


@pytest.mark.parametrize(("shell_nm", "refused"), [(0.0, True), (1.79, False), (None, False)])
def test_a_lattice_of_bare_cores_is_no_wider_than_they_are_apart(shell_nm: float | None, refused: bool) -> None:
    """7.1 nm cores 3.3 diameters apart: three times as far as bare ones touch, not as coated ones do."""
    growth = GrowthSettings(solubility=0.01, lattice_constant_nm=3.3 * 7.1 * 2.0**0.5)
    solution = StartingSolution(
        volume_fraction=8e-4, core_diameter_nm=7.1, core_sigma_nm=1.1, solvated_shell_nm=shell_nm
    )
    if not refused:
        check_lattice(growth, solution, 7.1)
        return
    with pytest.raises(WrongSetting, match="could not touch"):
        check_lattice(growth, solution, 7.1)
