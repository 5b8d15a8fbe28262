"""Where powder reflections lie, which are extinct, and that a powder scatters as many particles as it has."""

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.errors import InputFileError
from electrosaxs.physics.lattices import (
    LATTICES,
    lattice_named,
    neighbour_distance,
    reflection_positions,
    reflections,
)


def labels(name: str, s_max: float) -> list[str]:
    return ["".join(map(str, hkl)) for hkl in reflections(name, s_max).hkl]


def test_the_solvated_superlattice_reflects_where_the_paper_saw_it():
    hkl, q = reflection_positions("FCC", 15.1, 1.45)
    assert hkl == ((1, 1, 1), (2, 0, 0), (2, 2, 0), (3, 1, 1), (2, 2, 2))
    assert_close(q, [0.7207, 0.8322, 1.1769, 1.3801, 1.4414], rel=5e-5)


def test_face_centring_forbids_mixed_indices_and_body_centring_odd_sums():
    assert all(len({i % 2 for i in hkl}) == 1 for hkl in reflections("FCC", 8.0).hkl)
    assert all(sum(hkl) % 2 == 0 for hkl in reflections("BCC", 8.0).hkl)


def test_hcp_has_its_extinctions_and_amplitudes():
    families = reflections("HCP", 2.4)
    assert labels("HCP", 2.4) == ["100", "002", "101", "102", "110", "103", "200", "112", "201"]
    assert "001" not in labels("HCP", 4.0)
    assert "111" not in labels("HCP", 4.0)
    strength = dict(zip(labels("HCP", 2.4), families.squared_amplitude, strict=True))
    assert_close([strength["100"], strength["002"], strength["101"]], [0.25, 1.0, 0.75], rel=1e-9)
    assert families.multiplicity[:3].tolist() == [6.0, 2.0, 12.0]


def test_close_packing_in_layers_of_two_kinds_reflects_from_the_same_layers():
    """The (002) layers of HCP are the (111) layers of FCC at the same neighbour distance."""
    nearest = 8.68
    fcc, hcp = reflections("FCC", 1.8), reflections("HCP", 1.3)
    assert_close(fcc.s[0] / (np.sqrt(2.0) * nearest), hcp.s[1] / nearest, rel=1e-12)


def test_multiplicities_of_the_cubic_families():
    fcc = reflections("FCC", 3.5)
    assert fcc.multiplicity.tolist() == [8.0, 6.0, 12.0, 24.0, 8.0]
    assert_close(fcc.squared_amplitude, np.ones(5), rel=1e-12)
    assert reflections("SC", 1.8).multiplicity.tolist() == [6.0, 12.0, 8.0]


@pytest.mark.parametrize(
    ("name", "nearest", "volume"),
    [("FCC", 0.5**0.5, 0.25), ("BCC", 0.75**0.5, 0.5), ("HCP", 1.0, 0.5**0.5), ("SC", 1.0, 1.0), ("A15", 0.5, 0.125)],
)
def test_neighbours_and_volume_per_particle(name, nearest, volume):
    assert_close(neighbour_distance(name, 15.1), 15.1 * nearest, rel=1e-12)
    assert_close(lattice_named(name).volume_per_particle, volume, rel=1e-12)


@pytest.mark.parametrize("name", LATTICES)
def test_reciprocal_space_is_filled_with_one_particle_s_scattering(name):
    """Sum of m |F|^2/n^2 up to s is the volume 4 pi/3 s^3 over that of a particle's reciprocal cell."""
    s_max = 20.3
    count = reflections(name, s_max).weight.sum()
    assert_close(count, 4.0 * np.pi / 3.0 * s_max**3 * lattice_named(name).volume_per_particle, rel=0.01)


def test_a15_reflects_as_a_chain_structure_does():
    """Pm-3n of equal particles: 110 and hhl with l odd are extinct, 210 and 211 the strong ones."""
    families = reflections("A15", 2.5)
    assert labels("A15", 2.5) == ["200", "210", "211"]
    assert families.weight.argsort()[::-1][:2].tolist() in ([1, 2], [2, 1])
    assert "111" not in labels("A15", 4.0)


def merged(name: str, ratio: float, s_max: float) -> tuple[np.ndarray, np.ndarray]:
    """Levels of s and the weight in each."""
    families = reflections(name, s_max, ratio)
    levels, member = np.unique(np.round(families.s, 9), return_inverse=True)
    return levels, np.bincount(member, weights=families.weight)


@pytest.mark.parametrize(("ratio", "cubic", "unit"), [(1.0, "BCC", 1.0), (np.sqrt(2.0), "FCC", np.sqrt(2.0))])
def test_a_body_centred_tetragonal_lattice_is_cubic_at_two_ratios(ratio, cubic, unit):
    levels, weight = merged("BCT", ratio, 5.0)
    expected = reflections(cubic, 5.0 * unit)
    assert_close(levels * unit, expected.s, rel=1e-9)
    assert_close(weight, expected.weight, rel=1e-9)
    assert_close(neighbour_distance("BCT", 1.0, ratio) * unit, neighbour_distance(cubic, unit**2), rel=1e-9)


def test_tetragonal_reflections_move_with_the_axis_they_lie_along():
    before, after = (dict(zip(f.hkl, f.s, strict=True)) for f in (reflections("BCT", 3.0, r) for r in (1.1, 1.2)))
    assert_close(after[2, 0, 0], before[2, 0, 0], rel=1e-12)
    assert_close(after[0, 0, 2], before[0, 0, 2] * 1.1 / 1.2, rel=1e-12)


def test_an_unknown_lattice_is_refused_by_name():
    with pytest.raises(InputFileError, match="diamond"):
        reflections("diamond", 2.0)
