"""Word lists: the little knowledge of English and Indonesian that the heuristic has.

Other languages get the empty lists, so only what needs no words (pauses, numbers, question marks,
term statistics, sound) decides there.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WordLists:
    """Case-folded single words, except `housekeeping` and `phrases`, which hold up to five each.

    stop: function words; filler: sounds and verbal tics; reply: words an empty answer is made of;
    question: words that open a question; contrast, surprise, address: hooks; leaning: openings
    that need what came before; trailing: endings that announce more; phrases: openings that promise
    something; housekeeping: notices and advertising.
    """

    stop: frozenset[str] = frozenset()
    filler: frozenset[str] = frozenset()
    reply: frozenset[str] = frozenset()
    question: frozenset[str] = frozenset()
    contrast: frozenset[str] = frozenset()
    surprise: frozenset[str] = frozenset()
    address: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    leaning: frozenset[str] = frozenset()
    trailing: frozenset[str] = frozenset()
    phrases: frozenset[str] = frozenset()
    housekeeping: frozenset[str] = frozenset()


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _phrases(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split("|"))


_ENGLISH = WordLists(
    stop=_set(
        """a about above actually after again all alright also am an and any are aren't as at be because been
        before being below between both but by can can't cannot could couldn't d did didn't do does doesn't
        doing don't down during each even few for from further get gets getting go goes going gonna good
        got gotta had hadn't has hasn't have haven't having he he'd he'll he's her here here's hers herself
        him himself his hmm how how's huh i i'd i'll i'm i've if in into is isn't it it'd it'll it's its
        itself just kind know let let's like ll lot m many maybe me mean mhm mm more most much must my myself
        nah no nope nor not now of off oh ok okay on once one only or other our ours out over own perhaps
        please pretty probably quite rather re really right s said same say saying says see she she's should
        shouldn't so some something sort still stuff such sure t than thank thanks that that'll that's the
        their them then there there's these they they'd they'll they're they've thing things think this those
        though through to too uh uhhuh um under until up us use used ve very wanna want was wasn't way we we'd
        we'll we're we've well were weren't what what's when where which while who who's whole whom why will
        with won't would wouldn't yeah yep yes yet you you'd you'll you're you've your yours yourself"""
    ),
    filler=_set("uh um er erm ah eh hmm mm mhm huh uhhuh basically literally"),
    reply=_set(
        """yeah yes yep no nope okay ok right sure oh ah well hmm mm mhm uh huh um uhhuh alright great
        good nice cool fine true exactly absolutely thanks thank you hi hello bye sorry so and but i see
        that's it very wow really hm"""
    ),
    question=_set(
        """what why how who when where which is are do does did can could would should have has will
        what's who's where's how's isn't aren't don't doesn't didn't"""
    ),
    contrast=_set(
        """but however instead actually although yet unlike despite rather versus whereas nevertheless
        never nobody nothing wrong opposite myth mistake contrary"""
    ),
    surprise=_set(
        """surprising surprised surprisingly amazing incredible unbelievable crazy insane secret secrets
        shocking shocked discovered discover astonishing weird strange wow worst best biggest greatest
        hardest dangerous impossible everything truth never always"""
    ),
    address=_set(
        "you your you're you've you'll you'd yourself imagine listen look remember consider suppose"
    ),
    numbers=_set(
        """two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty sixty
        seventy eighty ninety hundred thousand million billion trillion percent half double twice first"""
    ),
    leaning=_set(
        """and but so or because he she they them him her his their that those these this it its which who
        then also too therefore thus hence either neither yeah yes no okay well anyway otherwise such same
        it's that's he's she's they're they've it'll that'll"""
    ),
    trailing=_set(
        """and but so or because the a an of to in for with that which who if when as is are was than then
        um uh like my your our their his her its very we i you they he she"""
    ),
    phrases=_phrases(
        """here's|the truth is|the problem is|the reason|the most important|the key|the thing is|the best|
        the biggest|nobody tells|no one tells|most people|a lot of people|what if|imagine|let me tell you|
        i'll tell you|did you know|have you ever|the secret|turns out|it turns out|i learned|we learned|
        we found|i realized|i realised|i was wrong|my biggest|the first time|one of the|there are two|
        there are three|when i was|years ago|the question is|if you|how to|in other words|the point is|
        what matters|the lesson"""
    ),
    housekeeping=_phrases(
        """subscribe|like and|hit the bell|notification bell|sponsored by|sponsor|promo code|discount code|
        coupon|link in the description|links in the description|in the show notes|patreon|check out our|
        sign up at|free trial|today's episode is brought|brought to you by|follow us|follow me on|
        leave a review|leave a comment|thanks for watching|thank you for watching|thanks for listening|
        thank you for listening|welcome back to|welcome to the show|see you next|before we start|
        before we get started|operator instructions|press star|forward looking statements|
        please stand by|next question comes from|
        can you hear me|technical difficulties|this recording is in the public domain"""
    ),
)

_INDONESIAN = WordLists(
    stop=_set(
        """ada adalah agar akan aku anda apa apakah atau bagaimana bagi bahwa banyak baru beberapa begini
        begitu belum bisa boleh buat bukan cuma dalam dan dapat dari dengan di dia dong dulu eh emang enggak
        gak gimana gitu gue gua hal hanya harus hingga ia ini itu iya jadi jangan jika juga kalau kalo kami
        kamu kan karena kayak ke kenapa kepada ketika kita kok lagi lah lalu lebih lo lu maka mana masih mau
        mereka mungkin nah namun nanti ngga nggak nih nya oh oke oleh orang pada paling para pas pasti pernah
        pun punya saat saja sama sampai sangat saya se sebagai sebelum sebuah sedang sehingga sekali semua
        seperti serta sesuatu setelah siapa sih si sini situ suatu sudah supaya tadi tapi telah tentang
        terhadap tersebut tetapi tidak tuh udah untuk waktu walaupun ya yaitu yang yuk"""
    ),
    filler=_set("eh em hmm anu eee mmm gitu kayak"),
    reply=_set(
        """ya iya oke baik benar betul tidak enggak gak oh ah hmm nah makasih terima kasih halo hai siap
        sip begitu gitu mantap"""
    ),
    question=_set(
        "apa apakah mengapa kenapa bagaimana gimana siapa kapan dimana mana berapa bisakah pernahkah"
    ),
    contrast=_set(
        """tapi tetapi namun padahal sebaliknya justru meskipun walaupun bukan salah mitos ternyata"""
    ),
    surprise=_set(
        """ternyata luar rahasia gila hebat ajaib mengejutkan kaget aneh terbesar terburuk terbaik mustahil
        bahaya berbahaya kesalahan selalu fakta"""
    ),
    address=_set("anda kamu kalian bayangkan ingat coba lihat dengarkan bapak ibu teman-teman"),
    numbers=_set(
        """dua tiga empat lima enam tujuh delapan sembilan sepuluh sebelas belas puluh ratus ribu juta miliar
        triliun persen setengah pertama seratus seribu"""
    ),
    leaning=_set(
        """dan tapi tetapi atau karena jadi lalu kemudian dia ia mereka itu ini tersebut juga namun sehingga
        maka begitu ya iya oke nah terus soalnya makanya"""
    ),
    trailing=_set(
        "dan tapi tetapi atau karena yang di ke dari untuk dengan jadi kalau jika bahwa agar adalah pada"
    ),
    phrases=_phrases(
        """masalahnya|faktanya|kuncinya|yang paling penting|yang terpenting|tahukah|bayangkan|ternyata|
        banyak orang|kebanyakan orang|rahasianya|alasannya|pernahkah|saya belajar|waktu saya|dulu saya|
        pertanyaannya|kalau kamu|kalau anda|caranya|intinya"""
    ),
    housekeeping=_phrases(
        """subscribe|jangan lupa like|like dan|lonceng notifikasi|disponsori|sponsor|kode promo|
        kode diskon|link di deskripsi|di deskripsi|follow|terima kasih sudah menonton|
        terima kasih telah menonton|selamat datang di|sampai jumpa|sebelum kita mulai|komen di bawah"""
    ),
)

_NONE = WordLists()
_LISTS = {"en": _ENGLISH, "id": _INDONESIAN, "ms": _INDONESIAN}


def words_for(language: str) -> WordLists:
    """The lists of a language ("en", "en-US", "id" …), or empty ones."""
    return _LISTS.get(language.partition("-")[0].lower(), _NONE)
