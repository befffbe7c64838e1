"""Functional checks in the manner of HateCheck (Röttger et al. 2021): what a text means, not its words.

No sentence or pattern here is in `phrases`, but failures here told which patterns to add there: read the results as a
regression test, not as held-out evidence. Kept mild: each check shows a form, not an extreme of it.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Check:
    """One kind of sentence and what the detector shall say of it."""

    kind: str
    label: str | None
    """The label that shall reach severity 4; None: no label shall."""
    texts: tuple[str, ...]


CHECKS: Final = (
    Check("negated hate", None, (
        "We have never had anything against lesbians.",
        "It isn't true that refugees are a burden.",
        "I wouldn't say Muslims are violent, that's just wrong.",
        "Not a single black person deserves to be treated like that.",
        "Nobody in our club thinks women can't drum.",
        "I have never hated Jewish people and never will.",
    )),
    Check("counter-speech", None, (
        "Whoever posted that trans women are not human should be ashamed.",
        "Claiming that immigrants are all thieves? That's racist nonsense.",
        "Your comment about gay couples was cruel, please take it back.",
        "Calling disabled kids a waste is horrible. Don't do that.",
        "We reported the account that insulted Asian players.",
        "The article explains why slogans against Roma are dangerous.",
    )),
    Check("positive identity", None, (
        "So proud to be a black lesbian drummer!",
        "Happy Pride to every trans kid out there",
        "Eid Mubarak to all my Muslim listeners",
        "Being autistic makes me hear harmonies others miss.",
        "My two dads taught me the violin.",
        "Jewish klezmer is the most joyful music I know.",
        "A queer love story set in the eighties",
        "Immigrant moms make the best soup",
    )),
    Check("idiom", None, (
        "That chorus slays, I'm dead",
        "I nearly died when the curtain fell",
        "He killed it on the drums yesterday",
        "My legs are killing me after the marathon",
        "Break a leg at the premiere!",
        "This bass will blow your head off",
        "They got absolutely slaughtered five nil",
        "I'd shoot this scene at dawn with a wide lens",
        "That burn was sick, love those two",
        "Drop dead gorgeous dress",
    )),
    Check("criticism of a work", None, (
        "Honestly the worst sequel they could have made.",
        "The vocals are flat and the lyrics are lazy.",
        "I was bored after ten minutes and switched off.",
        "Terrible mastering, my speakers clip all the time.",
        "Overrated. Their first record had more soul.",
    )),
    Check("help and recovery", None, (
        "If you feel hopeless tonight, talk to someone you trust or call a crisis line.",
        "Ten years ago I survived my darkest night, and I am glad I did.",
        "Our guest, a psychiatrist, explains how to support a grieving family.",
        "Therapy taught me to be kind to myself again",
    )),
    Check("song and playlist titles", None, (
        "Psycho Killer", "Highway to Hell", "Killing in the Name", "Smells Like Teen Spirit", "Bullet the Blue Sky",
        "Murder Ballads", "White Wedding", "Back to Black", "Paint It Black", "Like a Virgin", "Gay Bar Classics",
        "Suicide Is Painless", "Bury a Friend", "I Shot the Sheriff", "Bohemian Rhapsody", "Songs to Cry in the Shower",
        "Beast Mode Lifting", "Girls Just Want to Have Fun", "Sad Girl Autumn", "Death Metal Essentials",
    )),
    Check("ordinary comments", None, (
        "Came here from the film, stayed for the piano.",
        "Could you upload part two please?",
        "My cat falls asleep to this every evening",
        "Anyone else hear the train in the background around minute four?",
        "Merci beaucoup, c'est magnifique",
        "A rainy Tuesday in Bergen, and this on repeat",
        "The second guest was hard to understand, maybe move the microphone.",
        "I disagree with the host about taxes, but a fair discussion.",
    )),
    Check("plain hate", "hate", (
        "Lesbians are sick and should not exist.",
        "I despise Muslims, every one of them.",
        "Black people are stupid by nature.",
        "Jews control everything and must be stopped.",
        "Immigrants are parasites.",
        "Trans people are freaks and not real humans.",
        "Women are too stupid to vote.",
    )),
    Check("plain insult", "harassment", (
        "You are the dumbest person on this site.",
        "What an ignorant fool you are, go away.",
        "You disgust me, you miserable little man.",
        "Nobody wants you around, you ugly freak.",
        "Your brain is the size of a pea, idiot.",
    )),
    Check("plain threat", "threat", (
        "I am going to stab you when you get home.",
        "Tomorrow I'll be waiting outside your school with a knife.",
        "You will be dead by Friday, count on it.",
        "I'll come over and smash your face in.",
        "We will hunt you down and make you bleed.",
    )),
    Check("plain sexual content", "sexual", (
        "I want you to undress for me on video, babe",
        "Wanna have sex with me? I'm so turned on",
        "She slid her hand between his legs and he groaned",
        "Uncensored adult pics in my bio, come and watch me strip",
        "Let me lick every inch of your body",
    )),
    Check("plain self-harm", "self_harm", (
        "I can't go on, I will take my own life tonight.",
        "I've decided to end it, goodbye everyone.",
        "Cutting my arms is the only thing that makes the pain stop.",
        "What dose of sleeping tablets is enough to die?",
        "You'd be better off dead, just do it and jump.",
    )),
)  # fmt: skip
"""All checks."""
