"""Every figure of the report, drawn from a complete run, from a bare map and from runs that lack one part."""

import re
from dataclasses import replace

import numpy as np
import pytest
from closeness import assert_close
from fake_results import bare_results, fake_results, fake_truth, without
from matplotlib.figure import Figure
from matplotlib.text import Text

from electrosaxs.figures import gallery
from electrosaxs.figures.anode import anode_growth, mass_balance, slice_flux
from electrosaxs.figures.colour_bar import extend, ticks_within
from electrosaxs.figures.curves import porod_plots
from electrosaxs.figures.fit_maps import residual_maps
from electrosaxs.figures.fit_parameters import correlation_matrix
from electrosaxs.figures.gallery import GALLERY, figure_makers
from electrosaxs.figures.maps import flux_map, volume_fraction_map
from electrosaxs.figures.plan import PlanCurves, draw_plan
from electrosaxs.figures.profiles import flux_profiles, size_profiles, volume_fraction_profiles
from electrosaxs.figures.rendered import rendered_png
from electrosaxs.figures.style import COLUMN_MM, MM_PER_INCH, Omitted
from electrosaxs.nouns import Number

NAMES = [entry.name for entry in GALLERY]


def draw_all(results, truth=None):
    return [make() for _, make in figure_makers(results, truth)]


@pytest.fixture(scope="module")
def run():
    return fake_results()


@pytest.fixture(scope="module")
def truth():
    return fake_truth()


@pytest.fixture(scope="module")
def drawn(run, truth):
    return {item.name: item for item in draw_all(run, truth)}


@pytest.fixture(scope="module")
def pictures(drawn):
    """PNG of each figure, for which everything in it was laid out."""
    return {name: rendered_png(item.figure, dpi=80) for name, item in drawn.items() if item.figure is not None}


def texts(figure: Figure) -> list[str]:
    return [t.get_text() for t in figure.findobj(Text) if t.get_text() and t.get_visible()]


@pytest.mark.parametrize("name", NAMES)
def test_a_complete_run_gives_every_figure_one_column_wide(drawn, pictures, name):
    figure = drawn[name].figure
    assert figure is not None, drawn[name].reason
    width, height = figure.get_size_inches()
    assert abs(width - COLUMN_MM / MM_PER_INCH) < 1e-9
    assert height < 170.0 / MM_PER_INCH
    assert len(pictures[name]) > 3000


@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize("name", NAMES)
def test_no_letter_is_smaller_than_six_points(drawn, name):
    figure = drawn[name].figure
    sizes = [t.get_fontsize() for t in figure.findobj(Text) if t.get_text().strip()]
    assert min(sizes) >= 6.0


@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize("name", NAMES)
def test_no_superscript_is_smaller_than_five_points(drawn, name):
    figure = drawn[name].figure
    scripted = [t for t in figure.findobj(Text) if re.search(r"\$.*[\^_].*\$", t.get_text())]
    assert min((0.7 * t.get_fontsize() for t in scripted), default=5.0) >= 5.0


def scaled(noun, values):
    """`noun` with other values, without sigma."""
    coords = {name: (tuple(c.dims), c.values) for name, c in noun.data.coords.items()}
    return type(noun).from_arrays(values, dims=noun.dims, coords=coords)


@pytest.mark.parametrize(
    ("largest", "outlier", "lowest_share"),
    [
        (6.456e-10, 1.0, 0.0), (6.456e-10, 3.0, -0.4), (1.08e-9, 1.0, -0.4), (1.08e-9, 3.0, 0.0),
        (9.99e-10, 1.0, 0.0), (9.99e-10, 3.0, -0.4), (3.0e-12, 1.0, -0.4), (3.0e-12, 3.0, 0.0),
    ],
)  # fmt: skip
def test_ticks_of_the_flux_stand_at_their_value_and_arrows_only_where_flux_lies_beyond(
    run, largest, outlier, lowest_share
):
    values = np.array(run.flux.values)
    flat = np.linspace(lowest_share, 1.0, values.size).reshape(values.shape) * largest
    flat[3, 3] = outlier * largest
    figure = flux_map(replace(run, flux=scaled(run.flux, flat)))
    filled = next(c for c in figure.axes[0].collections if getattr(c, "filled", False))
    figure.canvas.draw()
    bar = figure.axes[1].yaxis
    low, high = figure.axes[1].get_ylim()
    assert_close(high * 10.0 ** np.floor(np.log10(outlier * largest)), largest, rel=0.021)
    texts = [label.get_text() for label in bar.get_ticklabels() if label.get_text()]
    assert len(texts) >= 3
    to_axes = figure.axes[1].transData - figure.axes[1].transAxes
    for label in bar.get_ticklabels():
        value, place = float(label.get_text().replace("−", "-")), to_axes.transform((0.0, label.get_position()[1]))[1]
        assert low - 1e-9 <= value <= high + 1e-9
        assert abs(place - (value - low) / (high - low)) < 1e-6
    assert filled.extend == ("neither" if outlier == 1.0 else "max")


def test_numbers_of_a_correlation_matrix_have_five_points_and_stay_in_their_squares():
    count = 12
    correlation = np.full((count, count), -0.46) + 1.46 * np.eye(count)
    figure = correlation_matrix(["effective_charge", "starting_polydispersity[1]"] * (count // 2), correlation)
    figure.canvas.draw()
    axes = figure.axes[0]
    square = axes.get_window_extent().width / count
    assert len(axes.texts) == count * (count - 1)
    assert all(t.get_fontsize() >= 5.0 and t.get_window_extent().width <= square for t in axes.texts)


@pytest.mark.parametrize(("largest", "arrows"), [(2.5, "neither"), (4.5, "max")])
def test_residuals_have_an_arrow_only_beyond_four_sigma(run, largest, arrows):
    residual = np.full(run.volume_fraction.data.shape, -2.0)
    residual[0, 0] = largest
    figure = residual_maps(run.volume_fraction, {"volume_fraction": residual})
    bar = next(axes for axes in figure.axes if axes.get_ylabel().startswith("(data"))
    figure.canvas.draw()
    assert bar._colorbar.extend == arrows


def test_a_bar_has_an_arrow_where_values_lie_beyond_and_none_for_rounding():
    values = np.array([np.nan, 0.1, 1.0, 2.0])
    assert extend(values, 0.1, 2.0) == "neither"
    assert extend(values, 0.10001, 1.9999) == "neither"
    assert extend(values, 0.2, 2.0) == extend(values, 0.11, 2.0, log=True) == "min"
    assert extend(values, 0.0, 1.9) == "max"
    assert extend(np.array([0.0, 3.0]), 0.01, 2.0, log=True) == "both"


@pytest.mark.parametrize(("low", "high"), [(0.0, 6.456), (0.0, 1.08), (-2.3, 7.4), (0.0, 0.0031)])
def test_no_tick_lies_beyond_the_bar(low, high):
    ticks = ticks_within(low, high)
    assert len(ticks) >= 3
    assert low <= min(ticks) <= max(ticks) <= high


def predicted(run):
    """A run as a prediction has it: nothing has a sigma."""
    names = (
        "volume_fraction",
        "diameter",
        "deviation",
        "polydispersity",
        "growth",
        "flux",
        "flux_slice",
        "mass_balance",
    )
    numbers = {name: Number(n.value, n.value and 0.0, n.unit, n.source) for name, n in run.numbers.items()}
    bare = without(run, "curves", "structure_factor", "structure_factor_model", "size_distribution", "assignment")
    nouns = {name: scaled(getattr(run, name), getattr(run, name).values) for name in names}
    return replace(bare, **nouns, numbers=numbers, quality={})


def test_captions_of_a_prediction_speak_of_no_sigma_and_no_measurement(run, drawn):
    for item in draw_all(predicted(run)):
        if item.figure is not None:
            assert not re.search(r"σ|measured|[Ff]rames,|Hatched", item.caption), item.caption
            assert not any("σ" in text for text in texts(item.figure))
    for name in (
        "volume_fraction_profiles",
        "anode_growth",
        "slice_flux",
        "flux_profiles",
        "flux_map",
        "size_profiles",
    ):
        assert "σ" in drawn[name].caption


def test_a_prediction_has_no_figure_of_a_balance_that_cannot_fail(run):
    made = mass_balance(predicted(run))
    assert isinstance(made, Omitted)
    assert "exactly 1" in made.reason


@pytest.mark.parametrize("draw", [anode_growth, slice_flux, volume_fraction_profiles])
def test_points_without_sigma_have_no_bars(run, draw):
    for axes in draw(predicted(run)).axes:
        assert not any(container.has_yerr for container in axes.containers)


def test_a_flux_of_0_everywhere_is_said_and_not_drawn(run):
    made = flux_map(replace(run, flux=scaled(run.flux, np.zeros(run.flux.data.shape))))
    assert isinstance(made, Omitted)
    assert "0 at every point" in made.reason


@pytest.mark.parametrize("name", NAMES)
def test_every_axis_names_its_quantity(drawn, name):
    for axes in drawn[name].figure.axes:
        shares = [
            other for other in axes.figure.axes if other is not axes and other.get_shared_x_axes().joined(axes, other)
        ]
        assert axes.get_xlabel() or shares or axes.get_label() == "<colorbar>"
        named = [other for other in axes.figure.axes if other.get_ylabel()]
        assert any(axes is other or other.get_shared_y_axes().joined(axes, other) for other in named) or (
            axes.figure.get_supylabel()
        )


def test_a_bare_map_leaves_out_what_it_cannot_show_and_says_why():
    items = {item.name: item for item in draw_all(bare_results())}
    assert items["volume_fraction_map"].figure is not None
    for name in ("anode_growth", "slice_flux", "flux_map", "mass_balance", "porod_plots", "structure_factor_peaks"):
        assert items[name].figure is None
        assert len(items[name].reason) > 10


def test_an_unmeasured_balance_gives_its_own_reason(run):
    why = "the scan covers 0 to 1000 um of the 3500 um gap"
    numbers = {**run.numbers, "mass_balance_error": Number.absent("one", why)}
    made = mass_balance(replace(without(run, "mass_balance"), numbers=numbers))
    assert isinstance(made, Omitted)
    assert made.reason == why


def test_error_bars_are_the_total_sigma(run):
    figure = anode_growth(run)
    container = next(c for c in figure.axes[0].containers if hasattr(c, "has_yerr") and c.has_yerr)
    segments = container.lines[2][0].get_segments()
    half = np.array([(s[1, 1] - s[0, 1]) / 2.0 for s in segments])
    np.testing.assert_allclose(half, 100.0 * run.growth.total_sigma[run.growth.good], rtol=1e-9)


def test_the_truth_is_drawn_only_where_there_is_one(run, truth):
    assert "truth" in texts(anode_growth(run, truth))
    assert "truth" not in texts(anode_growth(run))


def test_a_truth_on_another_grid_is_not_drawn_as_if_it_were_on_this_one(run, truth):
    phi = truth.volume_fraction
    short = replace(truth, volume_fraction=type(phi)(phi.data["scan", :5].copy()))
    assert "truth" not in texts(volume_fraction_profiles(run, short))
    assert isinstance(volume_fraction_map(run, short), Figure)


def test_a_run_without_onset_has_no_onset_line(run):
    never = {**run.numbers, "onset_time": Number.absent("s", "no peak"), "onset_time_kink": Number.absent("s", "no")}
    assert "onset" not in texts(anode_growth(replace(run, numbers=never)))


def test_the_starting_sizes_are_dashed(run):
    figure = size_profiles(run)
    for axes in figure.axes:
        assert any(line.get_linestyle() == "--" for line in axes.lines)


def test_a_single_scan_is_drawn_or_refused_in_words(run):
    import scipp as sc

    one = type(run.volume_fraction)(run.volume_fraction.data["scan", :1].copy())
    lonely = type(run)(title="one scan", volume_fraction=one)
    for item in draw_all(lonely):
        assert item.figure is not None or item.reason
    assert isinstance(one.data, sc.DataArray)
    assert isinstance(volume_fraction_profiles(lonely), Figure)


def test_a_flux_of_the_other_sign_is_shown_as_such(run):
    backwards = type(run.flux)(-1.0 * run.flux.data, run.flux.shared)
    figure = flux_profiles(replace(run, flux=backwards))
    assert figure.axes[0].get_ylim()[0] < 0.0


def test_drawing_leaves_the_callers_style_alone(run):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    anode_growth(run)
    assert dict(mpl.rcParams) == before


def test_a_curve_that_no_sphere_fits_is_drawn_without_a_line(run):
    from electrosaxs.figures.curves import porod_plots, scattering_curves

    curves = run.curves
    model, diameter = curves.model.copy(), curves.diameter.copy()
    model[0], diameter[0] = np.nan, np.nan
    partly = replace(run, curves=replace(curves, model=model, diameter=diameter, height=curves.height - 1e-4))
    figure = porod_plots(partly)
    assert "0 µm:  no spheres fitted" in texts(figure)
    without_size = replace(partly, curves=replace(partly.curves, model=curves.model))
    assert "0 µm:  sizes not known" in texts(porod_plots(without_size))
    for axes in scattering_curves(partly).axes:
        assert np.all(np.isfinite(axes.get_ylim()))


def test_the_shaded_area_of_each_kratky_plot_is_the_invariant_that_was_summed(run, drawn):
    from matplotlib.patches import StepPatch

    panels = [axes for axes in drawn["scattering_curves"].figure.axes if axes.findobj(StepPatch)]
    assert len(panels) == run.curves.height.size
    areas = []
    for axes in panels:
        (shade,) = axes.findobj(StepPatch)
        values, edges, _ = shade.get_data()
        label = next(t for t in texts(axes) if "µm" in t)
        times = float(label.partition("× ")[2] or 1.0)
        areas.append(np.sum(values * np.diff(edges)) / times)
    assert "3400" not in label
    order = np.argsort(run.curves.height)[::-1]
    assert_close(np.array(areas) / areas[0], (run.curves.window / run.curves.window[order[0]])[order], rel=1e-9)


def test_captions_speak_of_peaks_and_of_conserved_sizes_only_where_they_were_fitted_so(run, monkeypatch):
    told = [entry for entry in GALLERY if entry.name in ("size_distributions", "porod_plots")]
    monkeypatch.setattr(gallery, "GALLERY", told)

    def captions(results):
        return {item.name: item.caption for item in draw_all(results)}

    sizes, curves = run.size_distribution, run.curves
    conserved, alone = (
        replace(run, size_distribution=type(sizes)(sizes.data.assign_coords(conserved=flag("scan", [value]))))
        for value in (1.0, 0.0)
    )
    assert "sum of each size" in captions(conserved)["size_distributions"]
    assert "Each height on its own" in captions(alone)["size_distributions"]
    assert "conserved" not in captions(run)["size_distributions"]
    peaks = replace(run, curves=replace(curves, with_peaks=np.array([1.0, 0.0, 0.0, 0.0])))
    assert "lattice fitted together" in captions(peaks)["porod_plots"]
    assert "lattice" not in captions(run)["porod_plots"]
    assert sum("with peaks" in text for text in texts(porod_plots(peaks))) == 1


def flag(dim, values):
    import scipp as sc

    return sc.array(dims=[dim], values=values)


def test_a_planned_program_starts_at_0_V_at_field_on_and_names_its_limits():
    times = np.linspace(10.0, 600.0, 60)
    points = np.array([0.0, 40.0, 600.0]), np.array([0.0, 20.0, 15.0])
    shown = PlanCurves(
        time=times, reached=np.full(60, 3e-10), wanted=3e-10, label="flux", unit="m s$^{-1}$", held=(40.0, 600.0),
        points=points, highest=25.0, ramp=0.5,
    )  # fmt: skip
    figure = draw_plan(shown).figure
    program, highest, ramp = figure.axes[0].lines
    assert (program.get_xdata()[0], program.get_ydata()[0]) == (0.0, 0.0)
    assert highest.get_ydata()[0] == 25.0
    assert_close(np.diff(ramp.get_ydata())[0] / (60.0 * np.diff(ramp.get_xdata())[0]), 0.5, rel=1e-9)
    assert "limits: at most 25 V, at most 0.5 V/s" in texts(figure)
    step = draw_plan(replace(shown, points=(np.array([0.0]), np.array([20.0])), ramp=None)).figure
    assert list(step.axes[0].lines[0].get_ydata()) == [0.0, 20.0, 20.0]
    assert "limits: at most 25 V, steps allowed" in texts(step)


def test_frames_that_contradict_themselves_are_named(run, drawn):
    left_out = [f.index for f in run.frames if f.scan >= 0 and not run.volume_fraction.good[f.scan, f.height_index]]
    assert left_out
    named = [text for text in texts(drawn["two_measures"].figure) if text.startswith("frame ")]
    assert named == [f"frame {index}" for index in left_out[:8]]


def test_a_square_root_axis_is_named_as_one(drawn):
    for name in ("volume_fraction_map", "flux_map", "flux_profiles", "size_profiles", "quality_map"):
        for axes in drawn[name].figure.axes:
            if axes.get_xscale() == "function" and axes.get_xlabel():
                assert "square-root axis" in axes.get_xlabel()


def test_peaks_that_lie_close_have_labels_that_do_not_cover_each_other(drawn):
    figure = drawn["structure_factor_peaks"].figure
    figure.canvas.draw()
    boxes = [t.get_window_extent() for t in figure.findobj(Text) if t.get_text() in {"111", "200", "220", "311", "222"}]
    assert len(boxes) == 5
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_lines_of_the_map_say_their_value(run):
    labels = [text for text in texts(volume_fraction_map(run)) if re.fullmatch(r"0?\.?\d+", text)]
    assert {"0.05", "0.1", "0.2"} <= set(labels)
