/* SPDX-License-Identifier: BSD-2-Clause */
/* A split virtqueue and its honest device for SPIN: the moves of the explorer's world `ring` written a second time, from
 * the specification (virtio 1.2, 2.7) and from no code of this tree. For the bench: how many states a second SPIN
 * does. And an independent check of the protocol: no wake-up is lost, no chain is taken in twice or unwritten.
 *   QS      queue size
 *   TSO     1: the store of the available index waits; 0: it is seen at once
 *   FENCE   1: full fence between that store and the load of used.flags (2.7.13.4.1); 0: without: TSO loses a wake-up
 * Indices run modulo 2 QS. Stores that nobody notices yet (descriptors, entries) are done with the index that follows. */
#define M (2 * QS)
#define AWAKE 0
#define CHECKING 1
#define ASLEEP 2
#define POISON 255

/* shared memory */
byte written[QS];  /* a descriptor: 1 when it is */
byte entry[QS];    /* available ring */
byte avail;        /* available index as the device sees it */
byte flags;        /* used.flags */
byte id[QS];       /* used ring */
byte used;         /* used index */
byte payload[QS];
#if TSO
bool waits;        /* the store of the index waits */
byte waiting;
#endif

/* the device's own */
byte fetched, used_next, flights;
byte flight[QS];
byte mood = ASLEEP;
bool kicked;

/* the driver's own */
byte next[QS], free_head, free_count, out, seen, ours;
bool posted[QS];
byte batch[QS];

inline start_over()
{
    d_step {
        i = 0;
        do
        :: i < QS ->
            written[i] = 0; entry[i] = POISON; id[i] = POISON; payload[i] = 0; next[i] = i + 1; posted[i] = 0;
            flight[i] = 0; batch[i] = 0; i++
        :: else -> break
        od;
        avail = 0; flags = 0; used = 0; fetched = 0; used_next = 0; flights = 0; mood = ASLEEP; kicked = 0;
        free_head = 0; free_count = QS; out = 0; seen = 0; ours = 0; i = 0; n = 0; h = 0;
#if TSO
        waits = 0; waiting = 0;
#endif
    }
}

inline prepare() /* takes slots, writes descriptors and entries */
{
    d_step {
        i = 0;
        do
        :: i < n && free_count > 0 ->
            h = free_head; free_head = next[h]; free_count--; out++;
            assert(!posted[h]);
            posted[h] = 1; written[h] = 1; entry[ours % QS] = h; ours = (ours + 1) % M; i++
        :: else -> break
        od;
        n = i; i = 0; h = 0
    }
}

#if TSO
inline settle() /* what waits becomes visible */
{
    d_step { if :: waits -> avail = waiting; waits = 0; waiting = 0 :: else fi }
}
#endif

inline take()
{
    d_step {
        h = id[seen % QS];
        assert(h < QS && posted[h] && payload[h] == 1);
        posted[h] = 0; payload[h] = 0; written[h] = 0; id[seen % QS] = POISON;
        next[h] = free_head; free_head = h; free_count++; out--; seen = (seen + 1) % M; h = 0; n--
    }
}

active proctype driver()
{
    byte i, n, h;

    start_over();
    do
    :: atomic {
        /* Between calls: the device does not sleep on work that it can see, unless a bell is on its way. */
        assert(!(mood == ASLEEP && !kicked && avail != fetched));
        if
        :: select (n : 1 .. QS); prepare()
        :: n = 1; goto reap
        :: QS > 1 -> n = QS; goto reap
        :: start_over(); goto done
        fi
       }
       if
       :: n == 0 -> goto done
       :: else
       fi;
#if TSO
       atomic { waits = 1; waiting = ours };
#if FENCE
       settle();
#endif
#else
       avail = ours;
#endif
       if
       :: atomic { flags == 0 -> n = 0 }
       :: atomic { flags == 1 -> n = 0 }; goto done
       fi;
#if TSO
       /* registers are ordered with memory */
       settle();
#endif
       if
       :: mood != AWAKE -> kicked = 1
       :: else
       fi;
       goto done;
reap:
       skip;
       d_step { i = (used + M - seen) % M; if :: i < n -> n = i :: else fi; i = 0 }
       do
       :: n > 0 -> take()
       :: else -> break
       od;
done:
       skip
    od
}

#if TSO
active proctype memory()
{
    do
    :: atomic { waits -> avail = waiting; waits = 0; waiting = 0 }
    od
}
#endif

active proctype device()
{
    byte k, j;

    do
    :: atomic { mood == AWAKE && avail != fetched -> /* fetch */
        k = entry[fetched % QS];
        assert(k < QS && written[k] == 1);
        entry[fetched % QS] = POISON; fetched = (fetched + 1) % M; flight[flights] = k; flights++; k = 0 }
    :: atomic { flights > 0 -> /* complete any of those in flight */
        select (j : 0 .. QS - 1);
        if
        :: j < flights ->
            k = flight[j]; payload[k] = 1; id[used_next % QS] = k; used_next = (used_next + 1) % M; flights--;
            do
            :: j < flights -> flight[j] = flight[j + 1]; j++
            :: else -> break
            od;
            flight[flights] = 0
        :: else
        fi;
        j = 0; k = 0 }
    :: atomic { used != used_next -> used = used_next }
    :: atomic { mood == AWAKE && flags == 0 -> flags = 1 }
    :: atomic { mood == AWAKE -> flags = 0; mood = CHECKING }
    :: atomic { mood == CHECKING -> if :: avail != fetched || kicked -> mood = AWAKE :: else -> mood = ASLEEP fi; kicked = 0 }
    :: atomic { mood == ASLEEP && kicked -> kicked = 0; mood = AWAKE }
    od
}
