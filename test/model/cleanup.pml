/*
 * The protocol of docs/cleanup.md, for spin (https://spinroot.com): two repositories share a store. Repository 0 has a
 * pusher and two cleaners, repository 1 a pusher and a cleaner. One object X is dead in the beginning, and both pushers
 * want it; a branch may be deleted and pushed again. Any process may stop at any point, for a while or for ever: that
 * is a sleeping laptop, or a crash.
 *
 * Safety: while a published commit needs X, X is in the store.
 *
 * Each step can be left out or misplaced by a -D flag, and then the property must fail. The steps have the names that
 * docs/cleanup.md gives them. One step here is one request to the store or to the Git remote. Time is a choice:
 * whatever may expire may do so at any moment that the assumptions of docs/cleanup.md allow.
 *
 * With -DLATE, a request to remove X may get no answer and arrive at any moment until its announcement has lapsed, or be
 * answered at a second try while the first is still on its way.
 */

/* How often each publishes or cleans, at most twice. */
#ifndef PUSHES0
#define PUSHES0 1
#endif
#ifndef PUSHES1
#define PUSHES1 1
#endif
#ifndef RUNS0
#define RUNS0 1
#endif
#ifndef RUNS1
#define RUNS1 1
#endif
#ifndef RUNS2
#define RUNS2 0
#endif
#define PUSHES(p) (p == 0 -> PUSHES0 : PUSHES1)
#define RUNS(c) (c == 0 -> RUNS0 : (c == 1 -> RUNS1 : RUNS2))

/*
 * The records in gc/claims/ that name X; those that do not play no part. A name is used once, and is listed after
 * those before it.
 *   0-1 live lists of cleaner 0, repository 0    2-3 cleaner 1, repository 1    4-5 cleaner 2, repository 0
 *   6-10 claims of pusher 0, repository 0        11-15 pusher 1, repository 1
 */
#define RECORDS 16
#define PAGE 6                          /* records on the first page of a listing */
#define LIVE_LIST(c, turn) (c * 2 + turn)
#define FIRST_CLAIM(p) (6 + p * 5)
#define LAST_CLAIM(p) (10 + p * 5)
#define IS_CLAIM(i) (i >= 6)
#define REPOSITORY_OF(i) ((i == 2 || i == 3 || i >= 11) -> 1 : 0)
#define CLEANS(c) (c == 1 -> 1 : 0)     /* the repository of a cleaner */
#define NONE RECORDS

bool record[RECORDS];
bool x = true;                          /* X is in the store */
bool published[2];                      /* a ref of this repository leads to a commit that needs X */
bool sweeping[3];                       /* this cleaner has announced that it removes X */
bool lapsed[3];                         /* its announcement is so old that pushes do not wait for it any longer */
bool adrift[3];                         /* a request of this cleaner to remove X is on its way, and it waits for no answer */
byte young[2];                          /* the claim that cannot have expired: its push is between P5 and P6 */

#define SAFE assert(x || !(published[0] || published[1]))

/* What was asked for before an announcement lapsed has had its effect, or never will. */
#ifdef ANY_TIME
#define ARRIVED(c) skip
#else
#define ARRIVED(c) adrift[c] = false
#endif

inline wait_for(c) {
	if
	:: !sweeping[c] || lapsed[c]
	:: sweeping[c] && !lapsed[c] -> d_step { lapsed[c] = true; ARRIVED(c) }  /* so much time goes by while it waits */
	fi
}

inline wait_for_sweeps() {
#ifdef NO_WAIT
	skip
#else
	wait_for(0);
	wait_for(1);
	wait_for(2)
#endif
}

proctype Pusher(byte p) {
	byte claim, next, pushes;
	bool there;

	claim = FIRST_CLAIM(p);
	do
	:: pushes == PUSHES(p) -> break
	:: pushes < PUSHES(p) && claim < LAST_CLAIM(p) ->
#if !defined(NO_CLAIM) && !defined(LATE_CLAIM)
		record[claim] = true;                            /* P1 claim */
#endif
again:
#ifdef LOOK_FIRST
		there = x;
		wait_for_sweeps();
#else
		wait_for_sweeps();                               /* P2 wait for sweeps of X that were announced */
		there = x;                                       /* P3 look */
#endif
#ifdef LATE_CLAIM
		record[claim] = true;
#endif
		if
		:: !there -> x = true                            /* P4 upload what is not there */
		:: there
		fi;
		there = false;
		next = claim;
#if defined(NO_CLAIM) || defined(NO_RENEWAL)
		young[p] = claim;
#elif defined(SAME_NAME)
		d_step { record[claim] = true; young[p] = claim }
#else
		if
		:: claim == LAST_CLAIM(p) -> break               /* out of names: the bound of this model */
		:: claim < LAST_CLAIM(p)
		fi;
		next = claim + 1;
		d_step { record[next] = true; young[p] = next }  /* P5 claim again, and look whether the old claim lasted until now */
		if
		:: !record[claim] -> d_step { young[p] = NONE; claim = next }; goto again
		:: record[claim] -> record[claim] = false
		fi;
#endif
		claim = next + 1;
		if
		:: d_step { published[p] = true; young[p] = NONE; SAFE }  /* P6 Git publishes */
		:: young[p] = NONE                               /* or the Git remote refuses */
		fi;
		pushes++;
		if
		:: published[p] = false                          /* the branch is deleted */
		:: true
		fi
	:: claim >= LAST_CLAIM(p) -> break
	od
}

/* One reading of gc/claims/: two pages, one after the other. */
inline collect(into) {
	d_step { into = 0; i = 0; do :: i < PAGE -> into = into | (record[i] << i); i++ :: i == PAGE -> break od }
	d_step { do :: i < RECORDS -> into = into | (record[i] << i); i++ :: i == RECORDS -> break od; i = 0 }
}

inline write_live_list() {
#ifdef NO_LIVE_LIST
	skip
#else
	if
	:: needed -> record[LIVE_LIST(c, turn)] = true
	:: !needed
	fi
#endif
}

#ifdef EXPIRE_THEIRS
#define MAY_EXPIRE (i != young[0] && i != young[1])
#else
#ifdef LONG_PUSH
#define MAY_EXPIRE (REPOSITORY_OF(i) == repository)
#else
#define MAY_EXPIRE (REPOSITORY_OF(i) == repository && i != young[repository])
#endif
#endif

#ifdef IGNORE_OLD
#define COUNTED (found & ~old)
#else
#define COUNTED found
#endif

proctype Cleaner(byte c) {
	byte i, turn, repository = CLEANS(c);
	int found, before, old;
	bool needed;

	do
	:: turn == RUNS(c) -> break
	:: turn < RUNS(c) ->
#if !defined(NO_ANNOUNCEMENT) && !defined(LATE_ANNOUNCEMENT)
		d_step { sweeping[c] = true; lapsed[c] = false } /* C1 announce */
#endif
#ifdef REFS_FIRST
		needed = published[repository];
#endif
		collect(found);                                  /* C2 collect all claims and live lists, until two readings agree */
#ifndef ONE_READING
		do
		:: before = found;
			collect(found);
			if
			:: found == before -> break
			:: found != before
			fi
		od;
#endif
#ifdef LATE_ANNOUNCEMENT
		skip;
		d_step { sweeping[c] = true; lapsed[c] = false }
#endif
		/* Of ours: all live lists, and such claims as are a week old. */
		atomic {
			old = 0;
			do
			:: i == RECORDS -> break
			:: i < RECORDS ->
				if
				:: ((found >> i) & 1) && IS_CLAIM(i) && MAY_EXPIRE -> old = old | (1 << i)
				:: ((found >> i) & 1) && !IS_CLAIM(i) && REPOSITORY_OF(i) == repository -> old = old | (1 << i)
				:: IS_CLAIM(i) || REPOSITORY_OF(i) != repository || !((found >> i) & 1)
				fi;
				i++
			od;
			i = 0;
			before = 0
		}
#ifndef REFS_FIRST
		needed = published[repository];                           /* C3 fetch all refs of our repository */
#endif
#ifdef EARLY_END
		sweeping[c] = false;
#endif
		if
		:: COUNTED == 0 && !needed ->                    /* C4 remove X, unless the announcement has lapsed meanwhile */
			d_step {
				if
#ifdef NO_DEADLINE
				:: true -> x = false
#else
				:: !lapsed[c] -> x = false
				:: lapsed[c]
#endif
				fi;
				SAFE
			};
#ifdef LATE
			if
			:: d_step { !lapsed[c] -> adrift[c] = true } /* an earlier try is still on its way */
			:: true
			fi
		:: d_step { COUNTED == 0 && !needed && !lapsed[c] -> adrift[c] = true }  /* C4 without an answer */
#endif
		:: COUNTED != 0 || needed
		fi;
		found = 0;
#ifdef NO_REMINDER
		sweeping[c] = false;
#else
		sweeping[c] = adrift[c];                         /* C5 end the announcement, but of what has no answer */
#endif
#ifndef FOLD_FIRST
		write_live_list();                               /* C6 write our live list */
#endif
		d_step {                                         /* C7 remove what it makes superfluous */
			do
			:: i == RECORDS -> break
			:: i < RECORDS ->
				if
				:: (old >> i) & 1 -> record[i] = false
#ifdef FORGET_NEWER
				:: !((old >> i) & 1) && !IS_CLAIM(i) && REPOSITORY_OF(i) == repository && i != LIVE_LIST(c, turn) -> record[i] = false
#endif
				:: else
				fi;
				i++
			od;
			i = 0;
			old = 0
		}
#ifdef FOLD_FIRST
		write_live_list();
#endif
		turn++
	od
}

/* What is on its way arrives at any moment, or never. */
proctype Network() {
end:
	do
	:: d_step { adrift[0] -> adrift[0] = false; x = false; SAFE }
	:: d_step { adrift[1] -> adrift[1] = false; x = false; SAFE }
	:: d_step { adrift[2] -> adrift[2] = false; x = false; SAFE }
	od
}

init {
	atomic {
		young[0] = NONE;
		young[1] = NONE;
		run Pusher(0);
		run Pusher(1);
		run Cleaner(0);
		run Cleaner(1);
		run Cleaner(2);
#ifdef LATE
		run Network()
#endif
	}
}
