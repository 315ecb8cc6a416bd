"""What people do to a subscriber: each verb is an edit of files. Imported by cli; knows repo, secrets and money."""
