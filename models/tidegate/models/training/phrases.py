# ruff: noqa: SIM905 - word lists read better as words than as quoted strings
"""The words that `templates` combines. Kept mild: each pattern shows a form, not an extreme of it.

Patterns use the fields `{group}`, `{person}`, `{thing}`, `{place}` and `{way}`. The held-out checks in
`behaviour` share none of the patterns.
"""

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

IDENTITY_CLEAN: Final = (
    "I am a {person}.",
    "I'm a proud {person} and this {thing} means a lot to me.",
    "My best friend is a {person} from {place}.",
    "My neighbour is a {person}, we play music together.",
    "As a {person} I really enjoyed this {thing}.",
    "{group} deserve respect.",
    "{group} are welcome here.",
    "I love my friends, many of them are {group}.",
    "A great {thing} about {group} in {place}.",
    "Stories of {group} in {place}",
    "This {thing} celebrates {group} and their history.",
    "There are many {group} in {place}.",
    "Happy to see more {group} on stage this year!",
    "Interview with a {person} about growing up in {place}.",
    "{group} should have the same rights as everyone else.",
    "Equal pay for {group} now.",
    "The history of {group} in music",
    "Our choir has {group} and {group2} singing side by side.",
    "Any good podcasts by {group}?",
    "So many {group} love this {thing}.",
)
COUNTER_SPEECH: Final = (
    "Nobody should hate {group}.",
    "I don't hate {group}, I never did.",
    "It is wrong to say that {group} are inferior.",
    "Saying that {group} should leave is disgusting and I won't accept it.",
    "Stop attacking {group} in the comments.",
    "People who hate {group} have no place here.",
    "He said '{group} are the problem' and that is simply false.",
    "If you think {group} are worth less, you are mistaken.",
    "We must stand up against hate towards {group}.",
    "I can't believe someone wrote that {group} are dirty. Please report that comment.",
    "No, {group} are not criminals.",
    "There is nothing wrong with {group}.",
    "Violence against {group} has to stop.",
    "I used to fear {group}, now I know how wrong I was.",
)
HATE: Final = (
    "I hate {group}.",
    "I really can't stand {group}, they are disgusting.",
    "{group} are inferior.",
    "{group} don't belong here.",
    "We should get rid of all {group}.",
    "{group} are nothing but vermin.",
    "No {group} should ever be allowed to vote.",
    "All {group} are liars and thieves.",
    "{group} ruin every {thing} and every city.",
    "Send all {group} back to where they came from.",
    "The world would be better without {group}.",
    "Never trust a {person}, they are all the same filth.",
    "{group} are a disease.",
    "{group} are dumb, that is a fact.",
    "why are {group} always so disgusting",
    "I wish {group} would just disappear",
    "being a {person} is a mental illness",
    "no {person} is a real human being",
    "{group} are animals and should be treated like animals",
    "keep {group} out of our country",
    "you can smell a {person} from far away",
    "of course {group} are behind this, they run the whole world",
    "typical {person}, lazy and dishonest",
    "God made a mistake when he made {group}",
)
SELF_HARM: Final = (
    "I want to kill myself{end}",
    "I don't want to be alive anymore{end}",
    "I'm going to end my life {way}.",
    "I have been cutting myself again{end}",
    "I want to hurt myself so badly{end}",
    "thinking about ending it all {way}",
    "I just want to die and not wake up{end}",
    "what is the least painful way to die",
    "how many pills does it take to never wake up",
    "nobody would miss me if I was gone, so I'm doing it {way}",
    "I can't stop starving myself, it feels good to hurt",
    "this is my goodbye note, I won't be here {way}",
    "tips for hiding self harm scars from my parents",
    "I wrote my suicide note {way}",
    "life is over for me, I will hang myself {way}",
    "I took all my pills, tell my mum I love her",
    "burning my skin helps me forget",
    "I am not eating until I vanish, 500 calories a week",
    "there's no reason to stay alive, {way} is my last day",
    "I keep planning how to jump off the bridge in {place}",
    "share your best methods to end it",
)
SELF_HARM_URGED: Final = (
    "go kill yourself{end}",
    "you should just end your life{end}",
    "do everyone a favour and kill yourself",
    "why don't you cut yourself, nobody cares",
    "kys{end}",
)
SELF_HARM_CLEAN: Final = (
    "this {thing} kills me every time haha",
    "I'm dying laughing at this {thing}",
    "this homework is killing me",
    "I could die for that {thing}",
    "to die for! that {thing} is delicious",
    "my phone died during the {thing}",
    "If you are struggling, please call a helpline. You are not alone.",
    "A {thing} about suicide prevention and hope",
    "I lost my brother to suicide and this {thing} helps me grieve.",
    "Recovering from depression: one year clean today and grateful",
    "I was in a dark place, but therapy helped me and I feel better now.",
    "World suicide prevention day: check on your friends",
    "killing time with this {thing}",
    "I almost died of embarrassment",
    "how to talk to a friend who is feeling low",
    "cut the {thing} at 2:30 and it is perfect",
    "this {thing} saved my life",
)
THREAT: Final = (
    "I will find you and hurt you {way}.",
    "I know where you live, watch your back.",
    "I'm going to beat you up {way}.",
    "you will pay for this, I'm coming to your house {way}",
    "I'll make sure you get hurt {way}.",
    "If I see you in {place} I will break your legs.",
    "keep talking and I will shut your mouth with my fists",
    "someone should shoot him {way}",
    "we are going to burn your house down",
    "I swear I will kill you {way}.",
    "you won't survive {way}, I promise",
    "{group} should be shot, all of them.",
    "I'm going to hurt you and your family {way}",
    "you are dead, {way} I will get you",
    "my friends and I will jump you in {place} {way}",
    "better hide, I will strangle you",
    "I'll put you in hospital {way}",
    "if you post that {thing} again I will kill you",
    "I have a gun and I know your address in {place}",
    "somebody ought to hang the {person} next door",
    "I will bomb the {place} concert",
    "he deserves a bullet in the head and I'll deliver it",
)
THREAT_CLEAN: Final = (
    "we are going to destroy them in the final {way}",
    "that {thing} absolutely murdered me",
    "I will kill it at the gym {way}",
    "I'd kill for a ticket to {place}",
    "the boss fight almost killed me",
    "shoot me a message {way}",
    "this {thing} is fire, burn it on a CD",
    "the bombing of {place} in 1943, a history {thing}",
    "see you {way} in {place}, I'll find you at the entrance!",
    "I'm coming to your house {way} with pizza",
    "he was shot in {place} in 1980, a true crime {thing}",
    "police arrested a man who threatened to kill his neighbour",
    "hit me up {way}",
    "my mum is going to kill me when she sees the bill lol",
    "dropping a bomb of a {thing} {way}",
)
SEXUAL: Final = (
    "send me nudes{end}",
    "I want to see you naked{end}",
    "anyone here for sex {way}?",
    "horny and alone in {place}, dm me",
    "I want to have sex with you all night{end}",
    "hot girls in {place} want to sleep with you, click here",
    "show me your body on cam {way}",
    "looking for a hookup {way}, no strings",
    "selling my nude pics, dm for price",
    "she moaned as he took off her clothes",
    "I keep fantasising about your naked body",
    "let's get in bed and do dirty things {way}",
    "I'm touching myself thinking of you",
    "he pulled her underwear down and kissed her thighs",
    "free porn of girls from {place}, link in bio",
    "my onlyfans is half price {way}, explicit videos",
    "I need someone to make me cum {way}",
    "what colour are your panties, baby",
    "I'd love to see you ride me",
    "erotic story: the {person} and the stranger in {place}",
)
SEXUAL_CLEAN: Final = (
    "breast cancer awareness month in {place}",
    "a {thing} about sexual health for teenagers",
    "sex education in schools: a {thing}",
    "she gave birth {way} in {place}",
    "he kissed her under the stars in {place}",
    "this {thing} is sexy, I love the groove",
    "naked mole rats are fascinating",
    "I love you, baby{end}",
    "a romantic {thing} for date night",
    "hot {thing} for the summer{end}",
    "gender and sexuality studies {thing}",
    "can't wait to sleep with this {thing} on, so relaxing",
)
HARASSMENT: Final = (
    "you are such a loser{end}",
    "nobody likes you{end}",
    "you're pathetic and everyone knows it",
    "shut up, you idiot{end}",
    "you are so ugly, delete your account",
    "what a stupid clown you are",
    "you're worthless{end}",
    "get a life, moron",
    "everyone laughs at you behind your back",
    "you are too dumb to understand this {thing}",
    "she is a fat disgusting pig",
    "he is a complete imbecile, just look at him",
)
HARASSMENT_CLEAN: Final = (
    "you are amazing{end}",
    "I'm such an idiot sometimes, I forgot the {thing}",
    "this {thing} is trash, the mix sounds terrible",
    "worst {thing} I have heard this year",
    "you are wrong about the {thing}, and here is why",
    "I disagree with you, but thanks for explaining",
    "stupid traffic in {place} again",
    "he looks tired in this {thing}",
    "I hated the {thing}, boring and far too long",
    "please don't call people losers",
    "you deserve better, stay strong",
    "I feel like a loser today",
    "this {thing} sucks compared to the old one",
    "shut up and take my money, what a {thing}",
    "the idiot plot of this {thing} was fun",
    "what a sick {thing}{end}",
    "damn, this {thing} is good",
)
COMMENTS: Final = (
    "love this {thing}{end}",
    "who is listening in 2026?",
    "greetings from {place}{end}",
    "this {thing} reminds me of my childhood in {place}",
    "when is the next {thing} coming out?",
    "the {thing} at 1:23 gives me chills",
    "my dad played this {thing} every Sunday",
    "does anyone know the name of the {thing}?",
    "been listening to this {thing} all day long",
    "saw them live in {place}, unforgettable",
    "thank you for this {thing}, it helps me focus",
    "underrated {thing}{end}",
    "first! great {thing}",
    "can you make a {thing} about {place}?",
    "my daughter dances to this {thing} every morning",
    "I prefer the old {thing}, but this one grows on me",
    "absolute banger{end}",
    "where can I buy tickets for {place}?",
    "sound quality of the {thing} is a bit low",
    "best {thing} of the year so far",
)
TITLE_FIRST: Final = tuple(
    "Late Night,Sunday Morning,Deep Focus,Summer,Road Trip,Heartbreak,Rainy Day,Killer,Dead,Black,White,Wild,Gym,"
    "Murder,Blood,Fire,Dirty,Lonely,Midnight,Sweet,Dark,Naked,Crazy,Holy,Suicide Prevention,Gay Pride,Latin,Savage,"
    "Bad,Good Old,Broken,Electric,Golden,Retro,Lost,Cold,Hot,Savage,Toxic,Pure,Chill,Acoustic,Sad,Baby".split(","),
)
TITLE_SECOND: Final = tuple(
    "Hits,Vibes,Drive,Hearts,Angels,Queen,Anthems,Stories,Sessions,Beats,Love Songs,Ballads,Dreams,Classics,Workout,"
    "Party,Lullabies,Nights,Bullets,Boys,Girls,Kings,Dogs,Roses,Mysteries,Radio,Jazz,Metal,Sleep Sounds,Mix 2026,"
    "Weapon,Shot,Riders,Religion,Magic,Devil,Sinner,Tears,Kiss,Lips".split(","),
)
TITLES: Final = (
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
