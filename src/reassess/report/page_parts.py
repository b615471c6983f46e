"""What goes into a report, and what a page is made of."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

from reassess.analysis.classes import ChangedClasses, ClassPairs
from reassess.analysis.findings import Findings
from reassess.analysis.mistakes import Mistakes
from reassess.analysis.raters import RaterFindings
from reassess.analysis.sensitivity import Sensitivity
from reassess.analysis.uncertainty import UncertainScores
from reassess.analysis.verdict import StudyVerdict
from reassess.records import Benchmark, LabelSets, ModelScore
from reassess.report.table import Table

Spec = dict[str, Any]
"""A chart in the grammar of Vega-Lite."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An image of the benchmark, as a gallery shows it.

    Attributes:
        image_id: its id.
        source: a ``data:`` address of a small copy; empty where there is no image file.
        lines: what is said below it.
    """

    image_id: str
    source: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gallery:
    """Images that show the same thing.

    Attributes:
        id: anchor; ``several``, ``none`` or ``changed``.
        caption: what they show, and how they were chosen.
        pictures: the images.
    """

    id: str
    caption: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class Input:
    """A file that numbers rest on.

    Attributes:
        role: what it is: ``labels``, ``votes``, ``gold``, ``model NAME``, …
        file: its name, as it was given.
        sha256: hexadecimal SHA-256 of its bytes; of several files that are read together, of
            their hashes.
    """

    role: str
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class LabelProvenance:
    """How the labels of a study came about, for the paragraph on methods.

    Attributes:
        n_models: models that proposed labels.
        n_proposals: pairs of image and class that were proposed; None where unknown.
        rule: by which rule they were proposed; None likewise.
        n_votes: votes; None where there are none.
        n_raters: raters who gave them; None likewise.
        n_questions: questions that they were asked; None likewise.
        method: how votes were aggregated; None likewise.
        confusion_prior: what raters with few votes were drawn to; None likewise.
        converged: whether the aggregation converged; None likewise, and where nothing iterates.
        n_context: models whose predictions entered the posterior as a context.
    """

    n_models: int
    n_proposals: int | None = None
    rule: str | None = None
    n_votes: int | None = None
    n_raters: int | None = None
    n_questions: int | None = None
    method: str | None = None
    confusion_prior: str | None = None
    converged: bool | None = None
    n_context: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """One study, ready to be told.

    Attributes:
        title: heading of the page.
        findings: what was found.
        scores: one a model.
        labels: the reassessed labels.
        benchmark: what they are about.
        simulated: whether the votes come from simulated raters; the page and every figure
            that rests on votes then say so.
        provenance: further facts about how the page came about, as (what, value).
        command: what makes the page again.
        show_command: what shows how an image came to its labels, its id following; empty where
            there is no study to ask.
        inputs: the files that its numbers rest on.
        pairs: classes that are hard to tell apart; None where nobody looked.
        changed: what became of each original class; None without original labels.
        raters_found: what the votes say about raters; None without votes.
        galleries: images worth seeing.
        label_provenance: how the labels came about; None where that is not known.
        stale: what changed since the labels were decided.
        verdict: whether the original accuracy is still a proxy, and which ranks are decided;
            None where nobody asked.
        uncertainty: accuracies and ranks with their intervals; None where none were drawn.
        sensitivity: accuracies and ranks at other thresholds; None without a posterior.
        mistakes: the remaining mistakes of the models; None where nobody looked.
    """

    title: str
    findings: Findings
    scores: Sequence[ModelScore]
    labels: LabelSets
    benchmark: Benchmark
    simulated: bool = False
    provenance: Sequence[tuple[str, str]] = ()
    command: str = ""
    show_command: str = ""
    inputs: Sequence[Input] = ()
    pairs: ClassPairs | None = None
    changed: ChangedClasses | None = None
    raters_found: RaterFindings | None = None
    galleries: Sequence[Gallery] = ()
    label_provenance: LabelProvenance | None = None
    stale: tuple[str, ...] = ()
    verdict: StudyVerdict | None = None
    uncertainty: UncertainScores | None = None
    sensitivity: Sensitivity | None = None
    mistakes: Mistakes | None = None

    @property
    def raters(self) -> str:
        """What to call whoever answered."""
        return "simulated raters" if self.simulated else "raters"

    @property
    def experts(self) -> str:
        """What to call whoever fixed the truth of gold questions."""
        return "simulated experts" if self.simulated else "experts"

    @property
    def original_level(self) -> tuple[float, tuple[float, float]] | None:
        """ReaL accuracy of the original labels with its interval, as an audit has it if any."""
        counted, audited = self.findings.original, self.findings.audited_original
        if audited is not None:
            return audited.value, audited.interval()
        ends = None if counted is None else counted.interval()
        if counted is None or counted.value is None or ends is None:
            return None
        return counted.value, ends

    @property
    def by_real(self) -> list[tuple[ModelScore, float]]:
        """Models with a ReaL accuracy, and it, best first; equals by name."""
        known = [(one, one.real_value) for one in self.scores if one.real_value is not None]
        return sorted(known, key=lambda pair: (-pair[1], pair[0].model))

    def class_name(self, label: int) -> str:
        """The name of a class, with its index where the name alone is not unique."""
        return class_name(self.benchmark, label)


def class_name(benchmark: Benchmark, label: int) -> str:
    """The name of a class, with its index where the name alone is not unique."""
    classes = benchmark.classes
    if classes is None:
        return f"class {label}"
    name = classes.names[label]
    return name if classes.names.count(name) == 1 else f"{name} ({label})"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure, and the words that make it readable.

    Attributes:
        id: file name and anchor; lower case and hyphens.
        title: what to see in it, as a sentence.
        subtitle: what is drawn: the quantities and what they rest on.
        caption: how to read it, as sentences.
        alternative: the same in words, for people who do not see it.
        chart: the chart, without titles.
        from_votes: whether it rests on the raters' votes.
        tips: what is said of each mark that can be pointed at: whose it is, and its numbers.
        data: the numbers that are drawn, unrounded; None where it has none to give.
    """

    id: str
    title: str
    subtitle: str
    caption: str
    alternative: str
    chart: Spec
    from_votes: bool = True
    tips: tuple[tuple[str, str], ...] = ()
    data: Table | None = None

    def subtitle_for(self, *, simulated: bool) -> str:
        """What is drawn; where it rests on votes of simulated raters, that too."""
        if simulated and self.from_votes:
            return f"{self.subtitle}. Votes of simulated raters."
        return self.subtitle

    def save(
        self,
        path: str | PathLike[str],
        *,
        width: str | None = None,
        font_size: float = 8.0,
        titles: bool | None = None,
    ) -> None:
        """Write it, as the suffix says: ``.png``, ``.svg``, ``.pdf``, ``.html``; ``.csv`` its data.

        Args:
            path: where to.
            width: ``column``, ``text``, ``page`` or a length such as ``84mm``; None for a screen.
            font_size: points of the text, where a width is given.
            titles: whether titles stand above; None for where no width is given.

        Raises:
            MissingExtraError: vl-convert is not installed.
            OptionError: the suffix is another, or a size is out of range.
            FileError: the path cannot be written to.
        """
        from reassess.report.export import write_figure
        from reassess.report.paper import FigureStyle
        from reassess.report.table import write_rendered

        if Path(path).suffix == ".csv" and self.data is not None:
            write_rendered(self.data, path)
            return
        style = FigureStyle(font_size=font_size, titles=titles)
        write_figure(self, path, style=style if width is None else style.with_width(width))

    def _repr_svg_(self) -> str:
        from reassess.report.export import drawn_alone

        return drawn_alone(self)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page, listed in the table of contents.

    Attributes:
        id: anchor.
        title: heading.
        text: paragraphs before the figures.
        figures: its figures.
        tables: its tables, below the figures.
        galleries: images, below the tables.
        terms: (term, explanation), as a list.
        quote: words to be copied, at the end.
        rests_on: roles of the inputs that its numbers come from; ``model`` stands for all models.
        more: further paragraphs, folded.
        folded: whether only its heading is seen until the reader opens it.
    """

    id: str
    title: str
    text: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    galleries: tuple[Gallery, ...] = ()
    terms: tuple[tuple[str, str], ...] = field(default=())
    quote: str = ""
    rests_on: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    folded: bool = False


@dataclass(frozen=True, slots=True)
class KeyNumber:
    """One of the few numbers at the top.

    Attributes:
        value: the number.
        meaning: what it is, in a few words.
        detail: its interval or its denominator.
        tone: ``real`` or ``original`` where it belongs to one kind of labels.
    """

    value: str
    meaning: str
    detail: str = ""
    tone: str = ""
