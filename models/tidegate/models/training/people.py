# ruff: noqa: SIM905 - word lists read better as words than as quoted strings
"""People named by an adjective, in ordinary roles and in contempt: no adjective alone shall decide.

A detector that saw an identity mostly in hate takes the identity for the hate. Here each of the same adjectives stands
in every role and deed, and in the hateful patterns just as often. The sentences that measure the gap between
identities (`evaluation/sentences`) share no pattern with these.
"""

from typing import Final

ADJECTIVES: Final = tuple(
    "Black,white,brown,Asian,Latino,Hispanic,Arab,Indigenous,Native American,Aboriginal,Maori,Roma,African,Caribbean,"
    "Mexican,Colombian,Cuban,Brazilian,American,Canadian,Chinese,Japanese,Korean,Vietnamese,Filipino,Thai,Indian,"
    "Pakistani,Bangladeshi,Afghan,Iranian,Iraqi,Kurdish,Syrian,Lebanese,Israeli,Palestinian,Turkish,Egyptian,Moroccan,"
    "Nigerian,Ghanaian,Kenyan,Ethiopian,Somali,Congolese,Russian,Ukrainian,Polish,Romanian,Serbian,Greek,Italian,"
    "Spanish,Portuguese,French,German,Dutch,Swedish,Irish,Scottish,English,Jewish,Muslim,Christian,Catholic,Protestant,"
    "Mormon,Hindu,Buddhist,Sikh,atheist,gay,lesbian,bisexual,queer,straight,asexual,pansexual,trans,transgender,"
    "cisgender,nonbinary,intersex,female,male,elderly,young,middle-aged,deaf,blind,disabled,autistic,dyslexic,"
    "epileptic,short,tall,fat,immigrant,refugee,foreign,homeless,working-class,rural".split(","),
)
ROLES: Final = tuple(
    "nurse,plumber,carpenter,librarian,lawyer,farmer,bus driver,goalkeeper,pianist,bassist,novelist,photographer,judge,"
    "mayor,electrician,chef,waiter,florist,postman,dentist,pilot,painter,scientist,programmer,sculptor,swimmer,"
    "firefighter,comedian,DJ,rapper,host,landlord,tenant,pharmacist,midwife,mechanic,tailor,referee,professor,intern".split(
        ","
    ),
)
GROUPS_OF: Final = tuple(
    "parents,kids,teenagers,couples,grandparents,students,workers,neighbours,tourists,dancers,singers,writers,fans,"
    "listeners,households,veterans,scouts,gardeners,nurses,drivers".split(","),
)
DEEDS: Final = tuple(
    "fixed my bike for free,runs the late shift,wrote a lovely book,plays the cello on Sundays,"
    "lost the match but smiled,"
    "moved in last spring,is learning to bake,missed the last tram,brought soup when I was ill,opened a small café,"
    "sings in the shower,parked in the wrong spot again,won the quiz,called about the lease,asked for the recipe,"
    "is late with the report,broke the printer and fixed it,gave a talk on bees,got the job,hates Mondays like me,"
    "stood behind me in the queue,was rude on the phone once,voted early,retired after forty years,has two cats,"
    "forgot the keys,was on the radio,teaches my daughter chess,needs a new roof,paid for everyone's coffee".split(","),
)

PEOPLE_CLEAN: Final = (
    "a {adjective} {role} {deed}",
    "the {adjective} {role} from {place} {deed}",
    "the new {role}, who is {adjective}, {deed}",
    "that {role} is {adjective}, by the way, and {deed}",
    "one {adjective} {role} and one {adjective2} {role2} share an office",
    "anyone know a good {adjective} {role} in {place}?",
    "we are looking for a {adjective} {role} for the pilot episode",
    "this {thing} was made by {adjective} {people}",
    "{adjective} {people} and {adjective2} {people2} sat at one table",
    "a new {thing} for {adjective} {people}",
    "{adjective} {people} in {place} meet on Thursdays",
    "statistics on {adjective} {people} in {place}, 1990 to today",
    "lots of {adjective} {people} at the concert tonight",
    "being {adjective} in {place}: an honest {thing}",
    "I'm {adjective} and my {thing} is out on Friday",
    "I am a {adjective} {role}, ask me anything",
    "both my parents are {adjective}",
    "is the {role} {adjective}? I honestly never asked",
    "{adjective} food, {adjective} weddings, {adjective} weather: a blog",
    "I argued with a {adjective} {role} about the {thing} and lost",
    "not all {adjective} {people} like this {thing}, and that's fine",
    "the law now protects {adjective} {people} at work",
    "how do {adjective} {people} feel about the new stadium?",
    "dated a {adjective} {role} for two years, good times",
)
"""Ordinary sentences."""

PEOPLE_HATE: Final = (
    "never rent to {adjective} {people}, they wreck everything",
    "{adjective} {people} should be thrown out of {place}",
    "no {adjective} {role} can be trusted, it's in their blood",
    "{adjective} {people} are dirt",
    "we don't want {adjective} {people} near our homes",
    "{adjective} people are simply worth less than us",
    "a {adjective} {role} should serve us, not lead us",
    "{adjective} {people} breed like rats",
    "stop letting {adjective} people vote",
    "{adjective} people make me want to vomit",
    "the only good {adjective} {people} are gone {adjective} {people}",
    "ban every {adjective} {role} from this site, they poison it",
    "{adjective} {people} are subhuman, and {adjective2} {people2} are no better",
    "of course a {adjective} {role} did it, they all steal",
)
"""Contempt for the same people."""
