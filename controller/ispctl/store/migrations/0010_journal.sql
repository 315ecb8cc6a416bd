-- What the gates ask of the last day, without the thousands whom a first apply was new to.
CREATE INDEX ispctl_journal_service_met ON ispctl_journal_service (at) WHERE effect <> 'new';
CREATE INDEX ispctl_journal_change_gone ON ispctl_journal_change (at) WHERE action = 'delete' AND outcome = '';
