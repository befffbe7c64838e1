# ruff: noqa: SIM905 - word lists read better as words than as quoted strings
"""Titles of playlists and episodes: words that sound like harm, in the patterns that titles have."""

from typing import Final

FIRST: Final = tuple(
    "Late Night,Sunday Morning,Deep Focus,Summer,Road Trip,Heartbreak,Rainy Day,Killer,Dead,Black,White,Wild,Gym,"
    "Murder,Blood,Fire,Dirty,Lonely,Midnight,Sweet,Dark,Naked,Crazy,Holy,Suicide Prevention,Gay Pride,Latin,Savage,"
    "Bad,Good Old,Broken,Electric,Golden,Retro,Lost,Cold,Hot,Savage,Toxic,Pure,Chill,Acoustic,Sad,Baby".split(","),
)
SECOND: Final = tuple(
    "Hits,Vibes,Drive,Hearts,Angels,Queen,Anthems,Stories,Sessions,Beats,Love Songs,Ballads,Dreams,Classics,Workout,"
    "Party,Lullabies,Nights,Bullets,Boys,Girls,Kings,Dogs,Roses,Mysteries,Radio,Jazz,Metal,Sleep Sounds,Mix 2026,"
    "Weapon,Shot,Riders,Religion,Magic,Devil,Sinner,Tears,Kiss,Lips".split(","),
)
PATTERNS: Final = (
    "{first} {second}",
    "{first} {second}, Vol. 2",
    "Songs for {first} {second}",
    "{second} of the {first} {second2}",
    "Episode 12: {first} {second} in {place}",
    "{first} {second} (Live in {place})",
    "{first} {second} - Remastered 2011",
    "{second} to cry to",
    "The {first} {second} Podcast",
    "Kill the {second}",
    "{second} from {place}",
)
