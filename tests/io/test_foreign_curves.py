"""Curves as other programs and people write them: the right columns, the right numbers, or a refusal that says why."""

import h5py
import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.errors import InputFileError
from electrosaxs.io.column_names import meaning
from electrosaxs.io.curves import read_curve
from electrosaxs.io.nxcansas import write_nxcansas

Q = np.linspace(0.05, 1.95, 39)  # 1/nm
I = 2.0e5 * np.exp(-(Q**2)) + 1234.56  # noqa: E741  the name of the quantity
S = 0.01 * I
DQ = 0.1 * Q
INDEX = np.arange(1.0, 40.0)


def rows(*columns, sep="\t", form="{:.6g}", decimal=".", group=""):
    """Lines of numbers; `group` between thousands where the form has commas there."""
    lines = zip(*columns, strict=True)
    marks = {",": group, ".": decimal}
    return "\n".join(sep.join("".join(marks.get(c, c) for c in form.format(x)) for x in line) for line in lines) + "\n"


def read(tmp_path, text, encoding="utf-8", **how):
    path = tmp_path / "curve.dat"
    path.write_bytes(text.encode(encoding))
    (curve,) = read_curve(path, **how)
    return curve


SPACED = {"sep": " "}
NAMED = {
    "SasView": ("<X>   <Y>   <dY>  <dX>\n", (Q, I, S, DQ), SPACED),
    "NIST": (
        "The 6 columns are | Q (1/nm) | I(Q) (1/cm) | std. dev. I(Q) (1/cm) | sigmaQ | meanQ | ShadowFactor|\n",
        (Q, I, S, DQ, Q, 0 * Q + 1),
        SPACED,
    ),
    "BioXTAS RAW": ('### HEADER:\n#\n#{\n#  "type": "cbf"\n#}\n#   Q    I(Q)    Error\n# 39\n', (Q, I, S), SPACED),
    "Irena": ("Q_gold R_gold S_gold\n", (Q, I, S), SPACED),
    "Irena USAXS": ("DSM_Qvec\tDSM_Int\tDSM_Error\n", (Q, I, S), {}),
    "ATSAS fit": ("  sExp   |   iExp   |   Err   |   iFit  |\n", (Q, I, S, 2 * I), SPACED),
    "SPEC": ("#S 1 ascan\n#N 3\n#L q (nm^-1)  I  sigma\n", (Q, I, S), SPACED),
    "one name a line": ("# Column 1: q (1/nm)\n# Column 2: sigma\n# Column 3: I\n", (Q, S, I), SPACED),
    "R": ('"q_nm-1" "I" "sigma"\n', (INDEX, Q, I, S), SPACED),
    "pandas": (",q (1/nm),I,sigma\n", (INDEX, Q, I, S), {"sep": ","}),
    "Origin": ("q\tI\tI error\nnm\\+(-1)\tcm\\+(-1)\t\nA\tB\tC\n", (Q, I, S), {}),
    "German": ("q (1/nm);Intensität;Fehler\n", (Q, I, S), {"sep": ";", "decimal": ","}),
    "error first": ("# q[1/nm] err I\n", (Q, S, I), SPACED),
    "resolution beside": ("q(1/nm) dQ dI I\n", (Q, DQ, S, I), SPACED),
    "variance": ("q(1/nm),I,var(I)\n", (Q, I, S**2), {"sep": ",", "form": "{:.9g}"}),
    "square": ("# q(1/nm) I sigma^2\n", (Q, I, S**2), {"sep": " ", "form": "{:.9g}"}),
    "share": ("# q(1/nm) I dI/I\n", (Q, I, 0 * Q + 0.01), SPACED),
    "per cent": ("q(1/nm);I;rel. error / %\n", (Q, I, 0 * Q + 1), {"sep": ";"}),
    "subtracted": ("q_nm-1 I_raw sigma_raw I_bkg I_sub sigma_sub\n", (Q, I + 9, 2 * S, 0 * Q + 9, I, S), SPACED),
    "net": ("q_nm-1,sample,sample_err,background,net,net_err\n", (Q, I + 9, 2 * S, 0 * Q, I, S), {"sep": ","}),
    "difference": ("q (1/nm),I_sample - I_solvent,sigma\n", (Q, I, S), {"sep": ","}),
    "a sample's name": ("q (1/nm)\t57V\t57V_err\n", (Q, I, S), {}),
    "argument": ("# Q(nm-1)  I(Q)  Sig(Q)\n", (Q, I, S), SPACED),
    "sign": ("q_nm\tI\t±\n", (Q, I, S), {}),
    "model beside": ("# q(1/nm) I_fit I_exp sigma\n", (Q, 2 * I, I, S), SPACED),
}


@pytest.mark.parametrize("name", NAMED)
def test_columns_are_what_their_names_say(tmp_path, name):
    head, columns, how = NAMED[name]
    curve = read(tmp_path, head + rows(*columns, **how), q_unit="1/nm")
    assert_close(curve.q, Q, rel=1e-4)
    assert_close(curve.intensity, I, rel=1e-4)
    assert_close(curve.sigma, S, rel=1e-4)


@pytest.mark.parametrize(
    "head",
    ["q(1/nm),I,sigma_q", "q(1/nm),I,resolution", "q(1/nm),I,sigma(q)", "q(1/nm),I,rel_err", "q(1/nm),P(q),S(q)"],
)
def test_what_is_no_error_of_the_intensity_is_left_out_and_named(tmp_path, head):
    curve = read(tmp_path, f"{head}\n" + rows(Q, I, DQ, sep=","))
    assert curve.sigma is None
    assert curve.notes == (f"columns not used: {head.rpartition(',')[2]}",)


@pytest.mark.parametrize(
    ("head", "why"),
    [
        ("2th_deg I sigma", "no column is q"),
        ("r (mm)\tI\tsigma", "no column is q"),
        ("q^2 ln(I) err", "no column is q"),
        ("q_nm-1 q^2*I err", "no column is I"),
        ("q_nm-1,I_solvent,sigma", "no column is I"),
        ("q_nm-1,I,sigma_I,sigma_q,T", "the header names 5 columns"),
    ],
)
def test_names_that_are_no_curve_are_refused_whatever_unit_is_given(tmp_path, head, why):
    with pytest.raises(InputFileError, match=why.replace("^", "\\^")):
        read(tmp_path, f"# {head}\n" + rows(Q, I, S), q_unit="1/nm")


def test_the_unit_and_the_columns_that_were_taken_are_said(tmp_path):
    curve = read(tmp_path, "q (1/A),I,variance\n" + rows(Q / 10, I, S**2, sep=","))
    assert curve.read_as == "q in 1/A as the file says; q from 'q (1/A)', I from 'I', sigma from root of 'variance'"
    unnamed = read(tmp_path, rows(Q, I, S), q_unit="1/nm")
    assert unnamed.read_as == "q in 1/nm as told; columns by place, the file names none: q, I, sigma"


GROUPED = "{:,.2f}"
WRITTEN = {
    "decimal commas between spaces": {"sep": " ", "decimal": ","},
    "decimal commas between quotes": {"sep": '","', "decimal": ",", "quoted": True},
    "thousands with commas": {"form": GROUPED, "group": ","},
    "thousands with points": {"form": GROUPED, "group": ".", "decimal": ",", "sep": ";"},
    "thousands with thin spaces": {"form": GROUPED, "group": "\u202f", "decimal": ","},
    "thousands with apostrophes": {"form": GROUPED, "group": "'"},
    "thousands in quotes": {"form": GROUPED, "group": ",", "sep": '","', "quoted": True},
    "Fortran D": {"form": "{:.6E}", "sep": "  ", "change": ("E", "D")},
    "Fortran without a letter": {"form": "{:.6E}", "change": ("E+", "+0", "E-", "-0")},
}


@pytest.mark.parametrize("name", WRITTEN)
def test_numbers_come_through_however_they_are_written(tmp_path, name):
    how = dict(WRITTEN[name])
    quoted, change = how.pop("quoted", False), how.pop("change", ())
    text = rows(Q, I, S, **how)
    for old, new in zip(change[::2], change[1::2], strict=True):
        text = text.replace(old, new)
    if quoted:
        text = "\n".join(f'"{line}"' for line in text.splitlines())
    head = '"q_nm","I","sigma"\n' if quoted else how.get("sep", "\t").join(["q_nm", "I", "sigma"]) + "\n"
    curve = read(tmp_path, head + text)
    assert_close([curve.q[0], curve.q[-1]], [0.05, 1.95], rel=1e-4)
    assert_close([curve.intensity[0], curve.sigma[-1]], [I[0], S[-1]], rel=1e-3)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("q (1/nm),I,sigma\n" + rows(Q, I, S, sep=",", form=GROUPED, group=","), "group thousands"),
        ("# q in 1/nm\n" + rows(Q, I, S, sep=" ", form=GROUPED, group=" "), "group thousands"),
        ("q (1/nm),I,sigma\n" + rows(Q, I, S, sep=",", decimal=","), "decimal commas"),
        ("# q in 1/nm\n" + rows(INDEX, 100 * INDEX, sep=",", form="{:.0f}"), "be decimal commas"),
        ("# unit of q: 1/nm\n" + rows(INDEX + 0.5, I, sep=" ", form="{:.4f}", decimal=","), "stand between columns"),
        ("q_nm\tI\n" + rows(INDEX, I, form="{:,.0f}", group=","), "may be decimal commas, group thousands"),
        ("# q in 1/nm\n" + rows(INDEX, Q, I), "counts the rows"),
        ("# q (1/nm)\n" + rows(Q), "numbers only, I is missing"),
        (
            "q_nm I\n" + rows(Q, I, sep=" ", form="{:.4e}").replace("e", "x10^"),
            "begins with a number and holds something else",
        ),
        ("q_nm I\n" + rows(Q, I * 1e300, form="{:.6e}"), "largest I = .*must lie between"),
        ("q I\n" + rows(Q * 1e9, I), "beyond any X-ray"),
        ("PK\x03\x04", "is a workbook"),
        ("a\0b\1" * 99, "is binary"),
    ],
)
def test_numbers_that_may_be_others_are_refused_with_the_cause(tmp_path, text, why):
    with pytest.raises(InputFileError, match=why):
        read(tmp_path, text, q_unit="1/nm")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "latin-1"])
def test_text_is_read_in_the_encodings_of_spreadsheets(tmp_path, encoding):
    curve = read(tmp_path, "q (Å^-1)\tI\tdI\r\n" + rows(Q / 10, I, S), encoding)
    assert_close(curve.q, Q, rel=1e-4)
    assert_close(curve.sigma, S, rel=1e-4)


def test_the_question_for_the_unit_is_answered_on_the_command_line(tmp_path):
    with pytest.raises(InputFileError, match="give --q-unit 1/nm or --q-unit 1/A"):
        read(tmp_path, "q I\n" + rows(Q, I))


def test_two_detectors_that_overlap_are_one_curve_and_a_slip_is_not(tmp_path):
    twice = np.r_[Q[:20], Q[17:]]
    curve = read(tmp_path, "q_nm I sigma\n" + rows(twice, np.r_[I[:20], 1.1 * I[17:]], np.r_[S[:20], S[17:]]))
    assert_close(curve.q, Q, rel=1e-4)
    assert_close(curve.intensity, np.r_[I[:17], 1.05 * I[17:20], 1.1 * I[20:]], rel=1e-4)
    assert_close(curve.sigma[18], S[18] / np.sqrt(2), rel=1e-4)
    assert "q steps back from 1 to 0.9 1/nm" in curve.notes[0]
    slip = Q.copy()
    slip[10] = 0.06
    with pytest.raises(InputFileError, match=r"line 12, q = 0\.06: must be larger"):
        read(tmp_path, "q_nm I\n" + rows(slip, I))
    assert_close(read(tmp_path, "q_nm I\n" + rows(Q[::-1], I[::-1])).intensity, I, rel=1e-4)


def test_nxcansas_with_one_step_back_in_q_is_read_and_says_so(tmp_path):
    order = np.r_[:10, 11, 10, 12:39]
    write_nxcansas(tmp_path / "c.h5", Q[order], I[order], S[order], {})
    (curve,) = read_curve(tmp_path / "c.h5")
    assert_close(curve.intensity, I, rel=1e-12)
    assert "q steps back" in curve.notes[0]
    assert curve.read_as.startswith("q in 1/nm as the file says")
    with h5py.File(tmp_path / "c.h5", "a") as file:
        del file["sasentry01/sasdata/Idev"]
        file["sasentry01/sasdata/Idev"] = S[:5]
    with pytest.raises(InputFileError, match="must have the shape of the intensity"):
        read_curve(tmp_path / "c.h5")


XML = """<?xml version="1.0"?>
<SASroot version="1.1" xmlns="urn:cansas1d:1.1"><SASentry><Title>gold</Title><Run>7</Run><SASdata>{points}</SASdata>
<SASprocess><term name="T" unit="K">298</term></SASprocess></SASentry></SASroot>"""
POINT = (
    '<Idata><Q unit="{unit}">{q}</Q><I unit="1/cm">{i}</I><Idev unit="1/cm">{s}</Idev><Qdev unit="1/A">9</Qdev></Idata>'
)


def test_cansas_xml_is_read_with_its_unit(tmp_path):
    points = "".join(POINT.format(unit="1/A", q=q / 10, i=i, s=s) for q, i, s in zip(Q, I, S, strict=True))
    curve = read(tmp_path, XML.format(points=points))
    assert (curve.name, curve.notes) == ("gold", ("298",))
    for found, truth in ((curve.q, Q), (curve.intensity, I), (curve.sigma, S)):
        assert_close(found, truth, rel=1e-12)
    with pytest.raises(InputFileError, match="Idata 1, I = 'x'"):
        read(tmp_path, XML.format(points=POINT.format(unit="1/A", q=1, i="x", s=1)))
    with pytest.raises(InputFileError, match="XML without SASentry"):
        read(tmp_path, "<?xml version='1.0'?><a/>")
    with pytest.raises(InputFileError, match="broken XML"):
        read(tmp_path, "<?xml version='1.0'?><a>")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Q (1/A)", "q"), ("|q|", "q"), ("scattering vector [1/nm]", "q"), ("<dX>", "error of q"), ("Qdev", "error of q"),
        ("dI (1/cm)", "error"), ("σ(I)", "error"), ("ΔI", "error"), ("yerr", "error"), ("Noise", "error"),
        ("sigma2", "variance"), ("error (%)", "relative error"), ("log10(I)", "transformed"), ("qx", "no q"),
        ("I_cm^-1", "I"), ("I(q) / a.u.", "I"), ("T", "other"),
    ],
)  # fmt: skip
def test_a_name_says_what_its_column_is(name, kind):
    assert meaning(name).kind == kind
