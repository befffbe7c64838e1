"""The items that `tidegate demo` moderates, and what each is there to show."""

from dataclasses import dataclass

from tidegate.client import ContentItem, NoticeSource, Part, Surface, TranscriptSegment, text_part, transcript_part


@dataclass(frozen=True, slots=True)
class DemoItem:
    """One item of the demo."""

    item: ContentItem
    """What is sent."""
    shows: str
    """What to look at in the decision."""
    triton_away: bool = False
    """Sent while Triton is stopped."""

    @property
    def words(self) -> str:
        """The item's text, for the table."""
        return " / ".join(part.words() or f"[{part.kind}]" for part in self.item.parts)


def demo_items() -> tuple[DemoItem, ...]:
    """A dozen items, mild on purpose."""
    return (
        _comment(1, "This song got me through the winter, thank you", "acct-trusted", "SE", "harmless, known account"),
        _comment(2, "Proud gay uncle here, happy Pride everyone", "acct-new", "SE", "identity words are not hate"),
        _comment(3, BORDERLINE, "acct-trusted", "SE", "borderline words, clean history"),
        _comment(4, BORDERLINE, "acct-strikes", "SE", "the same words: only the account's history holds them"),
        _comment(5, BORDERLINE, "acct-trusted", "DE", "the same words: the German overlay holds them"),
        _comment(6, BORDERLINE, "acct-stale", "SE", "the same words: the history is out of date, so unknown, so held"),
        _comment(7, "I will find you and hurt you", "acct-00001", "SE", "a threat is blocked, and the reply says why"),
        _comment(8, "this is fucking brilliant", "acct-trusted", "AE", "strong language, where the local team minds"),
        _comment(
            9, "some days I just want to disappear and not wake up", "acct-new", "GB", "self-harm is met with help"
        ),
        DemoItem(
            ContentItem(
                "demo-10",
                "acct-trusted",
                Surface.PLAYLIST,
                "FR",
                (text_part("title", "Songs to cry to"), text_part("description", "Rainy days, sad strings, no lyrics")),
            ),
            "a playlist with two parts",
        ),
        DemoItem(
            ContentItem(
                "demo-11",
                "acct-trusted",
                Surface.PODCAST_EPISODE,
                "US",
                (text_part("title", "How bridges stay up"), _speech("Today we talk to two engineers about steel.")),
                source=NoticeSource.TRUSTED_FLAGGER,
            ),
            "a trusted flagger's notice goes to a person, whatever the scores",
        ),
        DemoItem(
            _comment(12, "lovely drums", "acct-trusted", "SE", "").item,
            "Triton is stopped: nobody has read it, so it waits, and the record says so",
            triton_away=True,
        ),
    )


BORDERLINE = "Boomers are all the same"
"""Words that `text_harm` 3 puts in band 3 for hate; `tests/stack/test_demo.py` holds what the demo claims."""


def _comment(number: int, text: str, account: str, market: str, shows: str) -> DemoItem:
    item = ContentItem(f"demo-{number}", account, Surface.COMMENT, market, (text_part("text", text),))
    return DemoItem(item, shows)


def _speech(text: str) -> Part:
    return transcript_part("speech", (TranscriptSegment(0, 4_000, text),))
