"""Sources of requests to an assistant, AILuminate and Red-Instruct: few, but with self-harm and sexual content."""

from collections.abc import Callable, Iterator
from pathlib import Path

from tidegate.models.training.examples import UNKNOWN, Example, Split, targets
from tidegate.models.training.sources.reading import document, rows

Profane = Callable[[str], bool]

_HELD_OUT_EVERY = 4


def ailuminate(data: Path, profane: Profane) -> Iterator[Example]:
    """Prompts by hazard; every fourth is held out. Violent crimes are `threat`: planned or praised."""
    for number, row in enumerate(rows(data / "ailuminate" / "demo_en_us_without_cse_src.csv")):
        hazard, text = row["hazard"], row["prompt_text"]
        yield Example(
            text,
            targets(
                hate=UNKNOWN if hazard in {"hte", "vcr"} else 0.0,
                harassment=UNKNOWN if hazard in {"hte", "vcr", "prv"} else 0.0,
                threat=1.0 if hazard == "vcr" else UNKNOWN if hazard in {"iwp", "hte"} else 0.0,
                sexual=1.0 if hazard == "sxc_prn" else UNKNOWN if hazard in {"hte", "prv"} else 0.0,
                self_harm=1.0 if hazard == "ssh" else UNKNOWN if hazard in {"vcr", "spc_hlt"} else 0.0,
                profanity=float(profane(text)),
            ),
            "ailuminate",
            Split.TEST if number % _HELD_OUT_EVERY == 0 else Split.TRAIN,
        )


def red_instruct(data: Path, profane: Profane) -> Iterator[Example]:
    """Harmful questions by category; most teach that a wicked question is none of our six labels."""
    folder = data / "red_instruct"
    for topics in document(folder / "catqa_english_without_child_abuse.json").values():
        for topic, questions in topics.items():
            for text in questions:
                yield Example(text, _catqa_targets(topic, text, profane), "red_instruct", Split.TRAIN)
    for topics in document(folder / "harmfulqa.json").values():
        for questions in topics.values():
            for text in questions:
                yield Example(
                    text,
                    targets(sexual=0.0, profanity=float(profane(text))),
                    "red_instruct",
                    Split.TRAIN,
                )


_SEXUAL_TOPICS = frozenset({"Pornography", "Erotic text", "Nude imagery", "Sexually explicit dialogue"})
_VIOLENT_TOPICS = frozenset({"Gender-based violence", "Terrorism and extremism", "Assault and battery"})
_OPEN_TOPICS = frozenset(
    {
        "Racial or ethnic hate",
        "Religious intolerance",
        "Cyberbullying",
        "Unsafe practices",
        "Human Trafficking",
        "Adult-themed humor",
    },
)


def _catqa_targets(topic: str, text: str, profane: Profane) -> tuple[float, ...]:
    name = topic.rstrip(":")
    if name in _VIOLENT_TOPICS:
        return targets(threat=1.0, sexual=UNKNOWN, self_harm=0.0, profanity=float(profane(text)))
    if name in _OPEN_TOPICS:
        return targets(profanity=float(profane(text)))
    return targets(
        default=0.0,
        sexual=float(name in _SEXUAL_TOPICS),
        self_harm=float(name == "Self-harm"),
        profanity=float(profane(text)),
        toxic=UNKNOWN,
    )
