"""Whisper tiny.en from an installed package, on the CPU: the real recogniser.

Greedy, without random fallbacks and without earlier words as a prompt: the same piece gives the same words, whatever
was heard before, and a loop of hallucinated words ends with its piece.
"""

from collections.abc import Sequence
from typing import Final

from faster_whisper import WhisperModel  # type: ignore[import-untyped] # neither stubs nor py.typed

from tidegate.detectors.speech.loudness import Samples
from tidegate.detectors.speech.recogniser import Utterance
from tidegate.models.catalogue import DetectorSpec

_MOST_TOKENS: Final = 224
"""Of one pass: half of the decoder's context, as in OpenAI's own. 28 s of fast speech are about 150."""


class WhisperRecogniser:
    """Loads the weights that the catalogue names, and nothing from any network."""

    def __init__(self, spec: DetectorSpec, *, threads: int, threads_per_clip: int) -> None:
        """Loads the model.

        Args:
            spec: Names the packaged files, the weights first.
            threads: Passes at the same moment.
            threads_per_clip: CPU threads of one pass.

        Raises:
            PackagedFileError: The package is missing, or a file has another digest.
        """
        for one in spec.packages:
            one.verify()
        self._model = WhisperModel(
            str(spec.packages[0].path().parent),  # a folder: a name would be looked up on a model hub
            device="cpu",
            compute_type="int8",
            cpu_threads=threads_per_clip,
            num_workers=threads,
            local_files_only=True,
        )

    def recognise(self, audio: Samples) -> Sequence[Utterance]:
        """See `Recogniser`."""
        segments, _ = self._model.transcribe(
            audio,
            language="en",
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
            max_new_tokens=_MOST_TOKENS,
            # The library would drop doubtful words without telling: `clarity` must count them.
            no_speech_threshold=None,
            log_prob_threshold=None,
            compression_ratio_threshold=None,
        )
        return [
            Utterance(
                start_ms=round(one.start * 1000),
                end_ms=round(one.end * 1000),
                text=one.text.strip(),
                log_probability=one.avg_logprob,
                compression=one.compression_ratio,
            )
            for one in segments
            if one.text.strip()
        ]
