/*
 * The protocol of docs/cleanup.md where objects are differences from others, for spin (https://spinroot.com). A store
 * holds X, whole, and B, from which X can be made by a delta. Nobody needs B by itself. A pusher wants X, a repacker
 * replaces the whole X by a delta from B, and two cleaners remove what is dead. Any process may stop at any point.
 *
 * Safety: while a published commit needs X, X can be decoded.
 *
 * As in cleanup.pml, a -D flag leaves a step out or misplaces it, and then the property must fail. What cleanup.pml
 * shows is left out here: claims last for as long as they are needed, and are listed in one moment.
 */

#define RUNS(c) (c == 0 -> 2 : 1)

bool whole = true;                       /* X, whole */
bool delta;                             /* X as a delta from B */
bool base = true;                       /* B */
bool published;                         /* a ref leads to a commit that needs X */
bool claimedX[2];                       /* by the pusher, by the repacker */
bool claimedB;
bool sweeping[2];                       /* this cleaner has announced that it removes X and B, as far as they are dead */
bool lapsed[2];

#define SAFE assert(!published || whole || (delta && base))

inline wait_for(c) {
	if
	:: !sweeping[c] || lapsed[c]
	:: sweeping[c] && !lapsed[c] -> lapsed[c] = true
	fi
}

proctype Pusher() {
	byte pushes;

	do
	:: pushes == 2 -> break
	:: pushes < 2 ->
		claimedX[0] = true;
		wait_for(0);
		wait_for(1);
		if
		:: whole || delta                                 /* it is there under one encoding or the other */
		:: !whole && !delta -> whole = true
		fi;
		d_step { published = true; SAFE };
		claimedX[0] = false;                             /* the claim is a week old, and was removed */
		published = false;                               /* the branch is deleted */
		pushes++
	od
}

proctype Repacker() {
#ifdef CLAIM_X_ONLY
	claimedX[1] = true;
#elif !defined(NO_CLAIM)
	d_step { claimedX[1] = true; claimedB = true };
#endif
	wait_for(0);
	wait_for(1);
	if
	:: whole && base ->
#ifdef OLD_FIRST
		d_step { whole = false; SAFE };
		delta = true
#else
		delta = true;
		d_step { whole = false; SAFE }
#endif
	:: !whole || !base
	fi;
	d_step { claimedX[1] = false; claimedB = false }
}

proctype Cleaner(byte c) {
	bool needX, needB, seenWhole, seenDelta, seenBase;
	byte turn;

	do
	:: turn == RUNS(c) -> break
	:: turn < RUNS(c) ->
		d_step { sweeping[c] = true; lapsed[c] = false };
#ifdef LIST_FIRST
		d_step { seenWhole = whole; seenDelta = delta; seenBase = base };
#endif
		d_step { needX = claimedX[0] || claimedX[1]; needB = claimedB };
		needX = needX || published;
#ifndef LIST_FIRST
		d_step { seenWhole = whole; seenDelta = delta; seenBase = base };
#endif
#ifndef NO_CLOSURE
		needB = needB || (needX && seenDelta);
#endif
#ifdef BASES_FIRST
		d_step { if :: !needB && seenBase && !lapsed[c] -> base = false :: else fi; SAFE };
#endif
		d_step { if :: !needX && seenWhole && !lapsed[c] -> whole = false :: else fi; SAFE };
		d_step { if :: !needX && seenDelta && !lapsed[c] -> delta = false :: else fi; SAFE };
#ifndef BASES_FIRST
		d_step { if :: !needB && seenBase && !lapsed[c] -> base = false :: else fi; SAFE };
#endif
		d_step {
			sweeping[c] = false;
			needX = false; needB = false; seenWhole = false; seenDelta = false; seenBase = false;
			turn++
		}
	od
}

init {
	atomic {
		run Pusher();
		run Repacker();
		run Cleaner(0);
		run Cleaner(1)
	}
}
