"""Every source of `text_harm`: its reader, licence and upstream. The model card repeats this table; a test compares."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tidegate.models.training.examples import Example
from tidegate.models.training.sources import abuse, hate, ordinary, prompts


@dataclass(frozen=True, slots=True)
class Source:
    """One public data set."""

    name: str
    licence: str
    upstream: str
    """Repository and commit."""
    read: Callable[[Path, Callable[[str], bool]], Iterator[Example]]


SOURCES: Final = (
    Source("davidson", "MIT", "t-davidson/hate-speech-and-offensive-language @ cb50f7e9eb85", hate.davidson),
    Source("hatemoji", "CC BY 4.0", "HannahKirk/Hatemoji @ a626f6321615", hate.hatemoji),
    Source("edos", "CC0 1.0", "rewire-online/edos @ b1f1fbcca9d4", hate.edos),
    Source("dynahate", "CC BY 4.0", "shallinan1/MarcoDetoxification @ 9ffb7fe0b373", hate.dynahate),
    Source("sbic", "CC BY 4.0", "shallinan1/MarcoDetoxification @ 9ffb7fe0b373", hate.sbic),
    Source("toxigen", "CDLA-Permissive-2.0", "microsoft/SafeNLP @ e351b6cb8922", hate.toxigen),
    Source("paradetox", "CC0 1.0", "s-nlp/paradetox @ d97b17d08135", abuse.paradetox),
    Source("toxic_spans", "CC0 1.0", "ipavlopoulos/toxic_spans @ beaf170538df", abuse.toxic_spans),
    Source("convabuse", "CC BY 4.0", "amandacurry/convabuse @ c0a9469f4895", abuse.convabuse),
    Source("ailuminate", "CC BY 4.0", "mlcommons/ailuminate @ 769cc2be9d20", prompts.ailuminate),
    Source("red_instruct", "Apache-2.0", "declare-lab/red-instruct @ 73c759c93d2f", prompts.red_instruct),
    Source("context_toxicity", "Apache-2.0", "ipavlopoulos/context_toxicity @ 5df49c294e6a", ordinary.context_toxicity),
    Source("youtube_spam", "CC BY 4.0", "KayhanB21/YouTube-Spam-Collection @ e1dcaf0a73d7", ordinary.youtube),
    Source("sms_spam", "CC BY 4.0", "justmarkham/pycon-2016-tutorial @ 5339710562cc", ordinary.sms),
    Source("awesome_podcasts", "CC0 1.0", "rShetty/awesome-podcasts @ 8b904634b7a0", ordinary.podcasts),
)
