# ruff: noqa: SIM905 - word lists read better as words than as quoted strings
"""The words that `templates` and `written` put into the fields of patterns, and around them."""

from typing import Final

GROUPS: Final = tuple(
    "gay people,lesbians,trans people,black people,white people,Asian people,Muslims,Jews,Christians,Hindus,immigrants,"
    "refugees,women,men,disabled people,deaf people,Mexicans,Arabs,Chinese people,Africans,old people,Roma,Swedes,"
    "Poles,Indians,queer folks,bisexual people,autistic people,Catholics,atheists".split(","),
)
PERSONS: Final = (
    "gay man,lesbian,trans woman,trans man,black man,black woman,Muslim,Jew,Christian,immigrant,refugee,"
    "wheelchair user,deaf person,Mexican,Arab,"
    "Chinese woman,single mother,bisexual teenager,autistic adult,Hindu,Nigerian,Turkish guy"
).split(",")
THINGS: Final = tuple(
    "song,track,album,episode,podcast,playlist,remix,video,chorus,bassline,beat,guitar solo,interview,mix,cover,"
    "lyric,drop,intro,live version,show,audiobook,set,voice,host,band".split(","),
)
WAYS: Final = tuple("tonight,tomorrow,after school,when you leave work,this weekend,next time,soon,one day".split(","))
PLACES: Final = tuple(
    "Berlin,Malmö,São Paulo,Lagos,Tokyo,Austin,Paris,Cairo,Mumbai,Seoul,Lisbon,Oslo,Lima,Cork".split(","),
)
OPENERS: Final = (
    "",
    "",
    "",
    "",
    "listen, ",
    "hey, ",
    "honestly ",
    "ok so ",
    "lol ",
    "tbh ",
    "and ",
    "look: ",
    "guys, ",
)
ENDINGS: Final = ("", "", ".", "!", "!!", " lol", " ❤️", " 😂", " 🔥", " 😢", " honestly", " today")
