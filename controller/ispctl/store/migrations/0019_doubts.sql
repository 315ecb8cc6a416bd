-- Sessions to look at: they may run something else since they were looked at last, or what is noted of them may be of
-- one that is over. Whoever changes what they are compared with writes them down in the same transaction; the server's
-- own changes a trigger does (see store/doubts.py). A session may stand here more than once.
CREATE TABLE ispctl_doubt (acctuniqueid text NOT NULL);
-- What was asked and not acknowledged, what is still to be proved, and who was told what a group renders: few of many.
CREATE INDEX ispctl_session_unsure ON ispctl_session (acctuniqueid) WHERE kind <> 'coa' OR answer <> 'ack';
CREATE INDEX ispctl_session_awaited ON ispctl_session (acctuniqueid)
	WHERE kind = 'coa' AND answer = 'ack' AND acked IS NOT NULL AND proved IS NULL;
CREATE INDEX ispctl_session_rendering ON ispctl_session (substr(class_to, 18, 16));
