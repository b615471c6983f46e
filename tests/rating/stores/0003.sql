BEGIN TRANSACTION;
CREATE TABLE activity (
	rater INTEGER NOT NULL, 
	hour INTEGER NOT NULL, 
	n_screens INTEGER NOT NULL, 
	n_answers INTEGER NOT NULL, 
	n_counted INTEGER NOT NULL, 
	milliseconds BIGINT NOT NULL, 
	CONSTRAINT pk_activity PRIMARY KEY (rater, hour), 
	CONSTRAINT fk_activity_rater FOREIGN KEY(rater) REFERENCES raters (id)
);
INSERT INTO "activity" VALUES(4,500000,4,8,8,16000);
INSERT INTO "activity" VALUES(5,500000,4,8,8,16000);
INSERT INTO "activity" VALUES(6,500000,4,8,8,16000);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE audit_log (
	id INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	actor INTEGER, 
	action VARCHAR(40) NOT NULL, 
	detail JSON NOT NULL, 
	CONSTRAINT pk_audit_log PRIMARY KEY (id), 
	CONSTRAINT fk_audit_log_actor FOREIGN KEY(actor) REFERENCES raters (id)
);
INSERT INTO "audit_log" VALUES(1,1800000000000,NULL,'invite','{"rater": "rater-0", "role": "rater"}');
INSERT INTO "audit_log" VALUES(2,1800000000000,NULL,'invite','{"rater": "rater-1", "role": "rater"}');
INSERT INTO "audit_log" VALUES(3,1800000000000,NULL,'invite','{"rater": "rater-2", "role": "rater"}');
INSERT INTO "audit_log" VALUES(4,1800000000000,NULL,'invite','{"rater": "rater-3", "role": "rater"}');
INSERT INTO "audit_log" VALUES(5,1800000000000,1,'adjudicate','{"image": "folder/00002.jpg", "label": 0, "answer": "maybe", "note": "who knows"}');
CREATE TABLE classes (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	CONSTRAINT pk_classes PRIMARY KEY (id), 
	CONSTRAINT uq_classes_name UNIQUE (name)
);
CREATE TABLE expert_votes (
	question INTEGER NOT NULL, 
	expert INTEGER NOT NULL, 
	for_gold BOOLEAN NOT NULL, 
	version SMALLINT NOT NULL, 
	answer SMALLINT NOT NULL, 
	note TEXT DEFAULT ('') NOT NULL, 
	given_at BIGINT NOT NULL, 
	CONSTRAINT pk_expert_votes PRIMARY KEY (question, expert, for_gold, version), 
	CONSTRAINT ck_expert_votes_answer CHECK (answer BETWEEN 0 AND 2), 
	CONSTRAINT ck_expert_votes_version CHECK (version >= 0), 
	CONSTRAINT fk_expert_votes_expert FOREIGN KEY(expert) REFERENCES raters (id), 
	CONSTRAINT fk_expert_votes_question FOREIGN KEY(question) REFERENCES questions (id)
);
INSERT INTO "expert_votes" VALUES(1,1,1,0,2,'',1800000000000);
INSERT INTO "expert_votes" VALUES(2,1,1,0,0,'',1800000000000);
INSERT INTO "expert_votes" VALUES(1,2,1,0,2,'',1800000000000);
INSERT INTO "expert_votes" VALUES(2,2,1,0,0,'',1800000000000);
INSERT INTO "expert_votes" VALUES(1,3,1,0,2,'',1800000000000);
INSERT INTO "expert_votes" VALUES(2,3,1,0,0,'',1800000000000);
INSERT INTO "expert_votes" VALUES(5,1,0,0,1,'who knows',1800000000000);
CREATE TABLE identities (
	number INTEGER NOT NULL, 
	store_id VARCHAR(32) NOT NULL, 
	since BIGINT NOT NULL, 
	first_lease BIGINT NOT NULL, 
	origin VARCHAR(20) NOT NULL, 
	place TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT pk_identities PRIMARY KEY (number), 
	CONSTRAINT ck_identities_origin CHECK (origin IN ('made', 'migrated', 'copied', 'rolled back', 'restored')), 
	CONSTRAINT uq_identities_store_id UNIQUE (store_id)
);
INSERT INTO "identities" VALUES(1,'dcd4062d3cbd3a8daff979d7d3d17595',1800000000000,0,'made','{"device": 65024, "inode": 2752643, "path": "ca3665d45ba068c96bba37f2bd5f769f644fbd1fca19ae718e32254f0b31b095"}');
CREATE TABLE images (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	CONSTRAINT pk_images PRIMARY KEY (id), 
	CONSTRAINT uq_images_name UNIQUE (name)
);
INSERT INTO "images" VALUES(1,'folder/00000.jpg');
INSERT INTO "images" VALUES(2,'folder/00001.jpg');
INSERT INTO "images" VALUES(3,'folder/00002.jpg');
INSERT INTO "images" VALUES(4,'folder/00003.jpg');
CREATE TABLE invitations (
	token_hash VARCHAR(64) NOT NULL, 
	rater INTEGER NOT NULL, 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	used_at BIGINT, revoked_at BIGINT, 
	CONSTRAINT pk_invitations PRIMARY KEY (token_hash), 
	CONSTRAINT fk_invitations_rater FOREIGN KEY(rater) REFERENCES raters (id)
);
INSERT INTO "invitations" VALUES('1c96791ffb5887e02f944f6ac350b8b82ab93e3c9ecc93f349b0393695201843',4,1800000000000,1800604800000,1800000000000,NULL);
INSERT INTO "invitations" VALUES('58aabeb0d60d47e17c458c1028b4ebf18efbd5c7fe36d181e767328ba0b9240f',5,1800000000000,1800604800000,1800000000000,NULL);
INSERT INTO "invitations" VALUES('7ee5b66bf65ea6f5c2e736f5d54d8617638bcf9ae35bfa5db7064c51b66594eb',6,1800000000000,1800604800000,1800000000000,NULL);
INSERT INTO "invitations" VALUES('7d10458c6cab1d155d7e6c8a1ce58a02f7997ba5c7568bc5a3c79b5afa3b2934',7,1800000000000,1800604800000,1800000000000,NULL);
CREATE TABLE leases (
	id INTEGER NOT NULL, 
	rater INTEGER NOT NULL, 
	ordinal INTEGER NOT NULL, 
	task INTEGER NOT NULL, 
	purpose SMALLINT NOT NULL, 
	is_sweep BOOLEAN NOT NULL, 
	state SMALLINT DEFAULT 0 NOT NULL, 
	questions JSON NOT NULL, 
	leased_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	ended_at BIGINT, 
	CONSTRAINT pk_leases PRIMARY KEY (id), 
	CONSTRAINT ck_leases_ended CHECK ((state = 0) = (ended_at IS NULL)), 
	CONSTRAINT ck_leases_purpose CHECK (purpose BETWEEN 0 AND 4), 
	CONSTRAINT ck_leases_state CHECK (state BETWEEN 0 AND 4), 
	CONSTRAINT fk_leases_rater FOREIGN KEY(rater) REFERENCES raters (id), 
	CONSTRAINT fk_leases_task FOREIGN KEY(task) REFERENCES tasks (id), 
	CONSTRAINT uq_leases_rater_ordinal UNIQUE (rater, ordinal)
);
INSERT INTO "leases" VALUES(1,4,1,1,0,0,1,'[1, 2]',1800000000000,1800000900000,1800000000000);
INSERT INTO "leases" VALUES(2,4,2,4,0,0,1,'[7, 8]',1800000000000,1800000900000,1800000000000);
INSERT INTO "leases" VALUES(3,4,3,3,0,0,1,'[6, 5]',1800000000000,1800000900000,1800000000000);
INSERT INTO "leases" VALUES(4,4,4,2,0,0,1,'[3, 4]',1800000000000,1800000900000,1800000000000);
INSERT INTO "leases" VALUES(5,5,1,4,0,0,1,'[7, 8]',1800000000000,1800000900000,1800000000000);
INSERT INTO "leases" VALUES(6,5,2,1,1,0,1,'[2, 1]',1800000000000,1800000900000,1800000000000);
INSERT INTO "leases" VALUES(7,5,3,2,0,0,1,'[4, 3]',1800000000000,1800000900000,1800000000000);
INSERT INTO "leases" VALUES(8,5,4,3,0,0,1,'[6, 5]',1800000000000,1800000900000,1800000000000);
INSERT INTO "leases" VALUES(9,6,1,4,0,0,1,'[7, 8]',1800000000000,1800000900000,1800000000000);
INSERT INTO "leases" VALUES(10,6,2,3,0,0,1,'[5, 6]',1800000000000,1800000900000,1800000000000);
INSERT INTO "leases" VALUES(11,6,3,2,0,0,1,'[4, 3]',1800000000000,1800000900000,1800000000000);
INSERT INTO "leases" VALUES(12,6,4,1,0,0,1,'[1, 2]',1800000000000,1800000900000,1800000000000);
CREATE TABLE practice_images (
	image INTEGER NOT NULL, 
	CONSTRAINT pk_practice_images PRIMARY KEY (image), 
	CONSTRAINT fk_practice_images_image FOREIGN KEY(image) REFERENCES images (id)
);
CREATE TABLE questions (
	id INTEGER NOT NULL, 
	task INTEGER NOT NULL, 
	image INTEGER NOT NULL, 
	label INTEGER NOT NULL, 
	n_taken SMALLINT DEFAULT 0 NOT NULL, 
	n_no SMALLINT DEFAULT 0 NOT NULL, 
	n_maybe SMALLINT DEFAULT 0 NOT NULL, 
	n_yes SMALLINT DEFAULT 0 NOT NULL, 
	is_settled BOOLEAN DEFAULT (false) NOT NULL, 
	is_open BOOLEAN DEFAULT (true) NOT NULL, 
	level SMALLINT DEFAULT 0 NOT NULL, 
	truth BOOLEAN, 
	CONSTRAINT pk_questions PRIMARY KEY (id), 
	CONSTRAINT ck_questions_label CHECK (label >= 0), 
	CONSTRAINT ck_questions_n_taken CHECK (n_no + n_maybe + n_yes <= n_taken), 
	CONSTRAINT ck_questions_counts CHECK (n_no >= 0 AND n_maybe >= 0 AND n_yes >= 0), 
	CONSTRAINT fk_questions_image FOREIGN KEY(image) REFERENCES images (id), 
	CONSTRAINT fk_questions_task FOREIGN KEY(task) REFERENCES tasks (id), 
	CONSTRAINT uq_questions_image_label UNIQUE (image, label)
);
INSERT INTO "questions" VALUES(1,1,1,0,3,0,1,2,0,0,0,1);
INSERT INTO "questions" VALUES(2,1,1,1,3,3,0,0,0,0,0,0);
INSERT INTO "questions" VALUES(3,2,2,0,3,3,0,0,0,0,0,NULL);
INSERT INTO "questions" VALUES(4,2,2,1,3,3,0,0,0,0,0,NULL);
INSERT INTO "questions" VALUES(5,3,3,0,3,3,0,0,0,0,0,NULL);
INSERT INTO "questions" VALUES(6,3,3,1,3,0,0,3,0,0,0,NULL);
INSERT INTO "questions" VALUES(7,4,4,0,3,0,0,3,0,0,0,NULL);
INSERT INTO "questions" VALUES(8,4,4,1,3,3,0,0,0,0,0,NULL);
CREATE TABLE raters (
	id INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	role VARCHAR(10) NOT NULL, 
	stage VARCHAR(15) NOT NULL, 
	password_hash VARCHAR(200), 
	created_at BIGINT NOT NULL, 
	paused_at BIGINT, 
	aside_at BIGINT, 
	n_leases INTEGER DEFAULT 0 NOT NULL, 
	n_screens INTEGER DEFAULT 0 NOT NULL, 
	n_answers INTEGER DEFAULT 0 NOT NULL, 
	n_counted INTEGER DEFAULT 0 NOT NULL, 
	n_timed INTEGER DEFAULT 0 NOT NULL, 
	n_fast INTEGER DEFAULT 0 NOT NULL, 
	milliseconds BIGINT DEFAULT 0 NOT NULL, 
	n_compared INTEGER DEFAULT 0 NOT NULL, 
	n_agreed INTEGER DEFAULT 0 NOT NULL, epoch VARCHAR(32) DEFAULT '' NOT NULL, removed_at BIGINT, shown_share SMALLINT DEFAULT 0 NOT NULL, shown_after INTEGER DEFAULT (-1) NOT NULL, 
	CONSTRAINT pk_raters PRIMARY KEY (id), 
	CONSTRAINT ck_raters_role CHECK (role IN ('rater', 'expert', 'owner')), 
	CONSTRAINT ck_raters_stage CHECK (stage IN ('practice', 'qualification', 'rating', 'failed')), 
	CONSTRAINT ck_raters_n_agreed CHECK (n_agreed BETWEEN 0 AND n_compared), 
	CONSTRAINT uq_raters_name UNIQUE (name)
);
INSERT INTO "raters" VALUES(1,'expert-0','expert','practice',NULL,1800000000000,NULL,NULL,0,0,0,0,0,0,0,0,0,'9ae585006ab5fb83bb930f62ab99654d',NULL,0,-1);
INSERT INTO "raters" VALUES(2,'expert-1','expert','practice',NULL,1800000000000,NULL,NULL,0,0,0,0,0,0,0,0,0,'88213597f9c35e3aafd33dce6468109d',NULL,0,-1);
INSERT INTO "raters" VALUES(3,'expert-2','expert','practice',NULL,1800000000000,NULL,NULL,0,0,0,0,0,0,0,0,0,'9db6d101e177c87d3821e480e1e0c9c4',NULL,0,-1);
INSERT INTO "raters" VALUES(4,'rater-0','rater','rating',NULL,1800000000000,NULL,NULL,4,4,8,8,8,0,16000,0,0,'6c59ec4ee9d1ebd66079c86c3da171e7',NULL,0,-1);
INSERT INTO "raters" VALUES(5,'rater-1','rater','rating',NULL,1800000000000,NULL,NULL,4,4,8,8,8,0,16000,8,8,'1dffcb3c78ab05b279e5acf40a8a2a7c',NULL,0,-1);
INSERT INTO "raters" VALUES(6,'rater-2','rater','rating',NULL,1800000000000,NULL,NULL,4,4,8,8,8,0,16000,16,14,'6a870008e5a4e4b92e8692a4b3caef33',NULL,0,-1);
INSERT INTO "raters" VALUES(7,'rater-3','rater','practice',NULL,1800000000000,NULL,NULL,0,0,0,0,0,0,0,0,0,'5bd73be5d925dd2d07f88b3c69c8c2bf',NULL,0,-1);
CREATE TABLE services (
	mark VARCHAR(32) NOT NULL, 
	identity INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	CONSTRAINT pk_services PRIMARY KEY (mark), 
	CONSTRAINT fk_services_identity FOREIGN KEY(identity) REFERENCES identities (number)
);
CREATE TABLE slots (
	question INTEGER NOT NULL, 
	slot SMALLINT NOT NULL, 
	n_slots SMALLINT NOT NULL, 
	rater INTEGER NOT NULL, 
	round SMALLINT DEFAULT 0 NOT NULL, 
	version SMALLINT, 
	CONSTRAINT pk_slots PRIMARY KEY (question, slot), 
	CONSTRAINT ck_slots_round CHECK (round = 0), 
	CONSTRAINT ck_slots_slot CHECK (slot >= 0 AND slot < n_slots), 
	CONSTRAINT fk_slots_n_slots FOREIGN KEY(n_slots) REFERENCES study (n_slots) ON UPDATE CASCADE, 
	CONSTRAINT fk_slots_vote FOREIGN KEY(question, rater, round, version) REFERENCES votes (question, rater, round, version), 
	CONSTRAINT fk_slots_question FOREIGN KEY(question) REFERENCES questions (id), 
	CONSTRAINT fk_slots_rater FOREIGN KEY(rater) REFERENCES raters (id), 
	CONSTRAINT uq_slots_rater_question UNIQUE (rater, question)
)
 WITHOUT ROWID

;
INSERT INTO "slots" VALUES(1,0,3,4,0,0);
INSERT INTO "slots" VALUES(1,1,3,5,0,0);
INSERT INTO "slots" VALUES(1,2,3,6,0,1);
INSERT INTO "slots" VALUES(2,0,3,4,0,0);
INSERT INTO "slots" VALUES(2,1,3,5,0,0);
INSERT INTO "slots" VALUES(2,2,3,6,0,0);
INSERT INTO "slots" VALUES(3,0,3,4,0,0);
INSERT INTO "slots" VALUES(3,1,3,5,0,0);
INSERT INTO "slots" VALUES(3,2,3,6,0,0);
INSERT INTO "slots" VALUES(4,0,3,4,0,0);
INSERT INTO "slots" VALUES(4,1,3,5,0,0);
INSERT INTO "slots" VALUES(4,2,3,6,0,0);
INSERT INTO "slots" VALUES(5,0,3,4,0,0);
INSERT INTO "slots" VALUES(5,1,3,5,0,0);
INSERT INTO "slots" VALUES(5,2,3,6,0,0);
INSERT INTO "slots" VALUES(6,0,3,4,0,0);
INSERT INTO "slots" VALUES(6,1,3,5,0,0);
INSERT INTO "slots" VALUES(6,2,3,6,0,0);
INSERT INTO "slots" VALUES(7,0,3,4,0,0);
INSERT INTO "slots" VALUES(7,1,3,5,0,0);
INSERT INTO "slots" VALUES(7,2,3,6,0,0);
INSERT INTO "slots" VALUES(8,0,3,4,0,0);
INSERT INTO "slots" VALUES(8,1,3,5,0,0);
INSERT INTO "slots" VALUES(8,2,3,6,0,0);
CREATE TABLE study (
	id SMALLINT NOT NULL, 
	n_slots SMALLINT NOT NULL, 
	settings JSON NOT NULL, 
	secret VARCHAR(64) NOT NULL, 
	created_at BIGINT NOT NULL, 
	closed_at BIGINT, 
	CONSTRAINT pk_study PRIMARY KEY (id), 
	CONSTRAINT ck_study_one_row CHECK (id = 1), 
	CONSTRAINT ck_study_n_slots CHECK (n_slots BETWEEN 1 AND 100), 
	CONSTRAINT uq_study_n_slots UNIQUE (n_slots)
);
INSERT INTO "study" VALUES(1,3,'{"votes_per_question": 3, "lease_seconds": 900, "gold_rate": 0.2, "repeat_rate": 0.0, "repeat_gap": 20, "n_practice": 0, "n_qualification": 0, "qualification_accuracy": 0.7, "experts_per_gold": 3, "goal": 0, "budget": null}','b804ddcb78c3a0019cba2f0060d90b29',1800000000000,NULL);
CREATE TABLE submissions (
	lease INTEGER NOT NULL, 
	number SMALLINT NOT NULL, 
	"key" VARCHAR(100) NOT NULL, 
	given_at BIGINT NOT NULL, 
	milliseconds INTEGER, 
	something_else TEXT, 
	CONSTRAINT pk_submissions PRIMARY KEY (lease, number), 
	CONSTRAINT ck_submissions_milliseconds CHECK (milliseconds >= 0), 
	CONSTRAINT ck_submissions_number CHECK (number >= 0), 
	CONSTRAINT fk_submissions_lease FOREIGN KEY(lease) REFERENCES leases (id), 
	CONSTRAINT uq_submissions_lease_key UNIQUE (lease, "key")
)
 WITHOUT ROWID

;
INSERT INTO "submissions" VALUES(1,0,'key-0',1800000000000,NULL,NULL);
INSERT INTO "submissions" VALUES(2,0,'key-1',1800000000000,NULL,NULL);
INSERT INTO "submissions" VALUES(3,0,'key-2',1800000000000,NULL,NULL);
INSERT INTO "submissions" VALUES(4,0,'key-3',1800000000000,NULL,NULL);
INSERT INTO "submissions" VALUES(5,0,'key-4',1800000000000,NULL,NULL);
INSERT INTO "submissions" VALUES(6,0,'key-5',1800000000000,NULL,NULL);
INSERT INTO "submissions" VALUES(7,0,'key-6',1800000000000,NULL,NULL);
INSERT INTO "submissions" VALUES(8,0,'key-7',1800000000000,NULL,NULL);
INSERT INTO "submissions" VALUES(9,0,'key-8',1800000000000,NULL,NULL);
INSERT INTO "submissions" VALUES(10,0,'key-9',1800000000000,NULL,NULL);
INSERT INTO "submissions" VALUES(11,0,'key-10',1800000000000,NULL,NULL);
INSERT INTO "submissions" VALUES(12,0,'key-11',1800000000000,NULL,NULL);
INSERT INTO "submissions" VALUES(12,1,'key-12',1800000000000,NULL,'a hat');
CREATE TABLE tasks (
	id INTEGER NOT NULL, 
	image INTEGER NOT NULL, 
	use SMALLINT DEFAULT 0 NOT NULL, 
	gold SMALLINT DEFAULT 0 NOT NULL, 
	shuffle INTEGER NOT NULL, 
	level SMALLINT DEFAULT 0 NOT NULL, 
	n_questions SMALLINT NOT NULL, 
	n_open SMALLINT NOT NULL, 
	n_done SMALLINT DEFAULT 0 NOT NULL, 
	n_votes INTEGER DEFAULT 0 NOT NULL, 
	n_contested INTEGER DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_tasks PRIMARY KEY (id), 
	CONSTRAINT ck_tasks_gold CHECK (gold BETWEEN 0 AND 2), 
	CONSTRAINT ck_tasks_n_done CHECK (n_done BETWEEN 0 AND n_questions), 
	CONSTRAINT ck_tasks_n_open CHECK (n_open BETWEEN 0 AND n_questions), 
	CONSTRAINT ck_tasks_n_questions CHECK (n_questions BETWEEN 1 AND 8), 
	CONSTRAINT ck_tasks_use CHECK (use BETWEEN 0 AND 2), 
	CONSTRAINT fk_tasks_image FOREIGN KEY(image) REFERENCES images (id)
);
INSERT INTO "tasks" VALUES(1,1,0,2,1327217879,0,2,0,2,6,1);
INSERT INTO "tasks" VALUES(2,2,0,0,506952112,0,2,0,2,6,0);
INSERT INTO "tasks" VALUES(3,3,0,0,1834169992,0,2,0,2,6,0);
INSERT INTO "tasks" VALUES(4,4,0,0,1013904225,0,2,0,2,6,0);
CREATE TABLE votes (
	question INTEGER NOT NULL, 
	rater INTEGER NOT NULL, 
	round SMALLINT NOT NULL, 
	version SMALLINT NOT NULL, 
	replaces SMALLINT, 
	answer SMALLINT NOT NULL, 
	purpose SMALLINT NOT NULL, 
	given_at BIGINT, 
	milliseconds INTEGER, 
	lease BIGINT, 
	submission SMALLINT, 
	n_compared SMALLINT DEFAULT 0 NOT NULL, 
	n_agreed SMALLINT DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_votes PRIMARY KEY (question, rater, round, version), 
	CONSTRAINT ck_votes_replaces CHECK ((version = 0 AND replaces IS NULL) OR (version > 0 AND replaces = version - 1)), 
	CONSTRAINT ck_votes_answer CHECK (answer BETWEEN 0 AND 2), 
	CONSTRAINT ck_votes_milliseconds CHECK (milliseconds >= 0), 
	CONSTRAINT ck_votes_n_agreed CHECK (n_agreed BETWEEN 0 AND n_compared), 
	CONSTRAINT ck_votes_purpose CHECK (purpose BETWEEN 0 AND 5), 
	CONSTRAINT ck_votes_round CHECK (round >= 0 AND version >= 0), 
	CONSTRAINT fk_votes_lease_submission FOREIGN KEY(lease, submission) REFERENCES submissions (lease, number), 
	CONSTRAINT fk_votes_replaces FOREIGN KEY(question, rater, round, replaces) REFERENCES votes (question, rater, round, version), 
	CONSTRAINT fk_votes_question FOREIGN KEY(question) REFERENCES questions (id), 
	CONSTRAINT fk_votes_rater FOREIGN KEY(rater) REFERENCES raters (id)
)
 WITHOUT ROWID

;
INSERT INTO "votes" VALUES(1,4,0,0,NULL,2,0,1800000000000,2000,1,0,0,0);
INSERT INTO "votes" VALUES(1,5,0,0,NULL,2,1,1800000000000,2000,6,0,1,1);
INSERT INTO "votes" VALUES(1,6,0,0,NULL,2,0,1800000000000,2000,12,0,2,2);
INSERT INTO "votes" VALUES(1,6,0,1,0,1,0,1800000000000,900,12,1,2,0);
INSERT INTO "votes" VALUES(2,4,0,0,NULL,0,0,1800000000000,2000,1,0,0,0);
INSERT INTO "votes" VALUES(2,5,0,0,NULL,0,1,1800000000000,2000,6,0,1,1);
INSERT INTO "votes" VALUES(2,6,0,0,NULL,0,0,1800000000000,2000,12,0,2,2);
INSERT INTO "votes" VALUES(3,4,0,0,NULL,0,0,1800000000000,2000,4,0,0,0);
INSERT INTO "votes" VALUES(3,5,0,0,NULL,0,0,1800000000000,2000,7,0,1,1);
INSERT INTO "votes" VALUES(3,6,0,0,NULL,0,0,1800000000000,2000,11,0,2,2);
INSERT INTO "votes" VALUES(4,4,0,0,NULL,0,0,1800000000000,2000,4,0,0,0);
INSERT INTO "votes" VALUES(4,5,0,0,NULL,0,0,1800000000000,2000,7,0,1,1);
INSERT INTO "votes" VALUES(4,6,0,0,NULL,0,0,1800000000000,2000,11,0,2,2);
INSERT INTO "votes" VALUES(5,4,0,0,NULL,0,0,1800000000000,2000,3,0,0,0);
INSERT INTO "votes" VALUES(5,5,0,0,NULL,0,0,1800000000000,2000,8,0,1,1);
INSERT INTO "votes" VALUES(5,6,0,0,NULL,0,0,1800000000000,2000,10,0,2,2);
INSERT INTO "votes" VALUES(6,4,0,0,NULL,2,0,1800000000000,2000,3,0,0,0);
INSERT INTO "votes" VALUES(6,5,0,0,NULL,2,0,1800000000000,2000,8,0,1,1);
INSERT INTO "votes" VALUES(6,6,0,0,NULL,2,0,1800000000000,2000,10,0,2,2);
INSERT INTO "votes" VALUES(7,4,0,0,NULL,2,0,1800000000000,2000,2,0,0,0);
INSERT INTO "votes" VALUES(7,5,0,0,NULL,2,0,1800000000000,2000,5,0,1,1);
INSERT INTO "votes" VALUES(7,6,0,0,NULL,2,0,1800000000000,2000,9,0,2,2);
INSERT INTO "votes" VALUES(8,4,0,0,NULL,0,0,1800000000000,2000,2,0,0,0);
INSERT INTO "votes" VALUES(8,5,0,0,NULL,0,0,1800000000000,2000,5,0,1,1);
INSERT INTO "votes" VALUES(8,6,0,0,NULL,0,0,1800000000000,2000,9,0,2,2);
CREATE INDEX ix_tasks_gold ON tasks (gold, shuffle) WHERE gold > 0;
CREATE INDEX ix_tasks_image ON tasks (image);
CREATE INDEX ix_tasks_open ON tasks (level, shuffle) WHERE n_open > 0;
CREATE INDEX ix_tasks_practice ON tasks (id) WHERE use = 1;
CREATE INDEX ix_questions_gold ON questions (id) WHERE truth IS NOT NULL;
CREATE INDEX ix_questions_open ON questions (label, id) WHERE is_open;
CREATE INDEX ix_questions_task ON questions (task);
CREATE INDEX ix_leases_expiry ON leases (expires_at) WHERE state = 0;
CREATE INDEX ix_leases_rater_task ON leases (rater, task);
CREATE INDEX ix_leases_running ON leases (rater) WHERE state = 0;
CREATE INDEX ix_leases_unseen ON leases (id) WHERE state = 4;
CREATE INDEX ix_submissions_text ON submissions (given_at) WHERE something_else IS NOT NULL;
CREATE INDEX ix_votes_repeats ON votes (rater) WHERE round > 0;
CREATE TRIGGER votes_append_only_update BEFORE UPDATE ON votes BEGIN SELECT RAISE(ABORT, 'votes is append-only'); END;
CREATE TRIGGER votes_append_only_delete BEFORE DELETE ON votes BEGIN SELECT RAISE(ABORT, 'votes is append-only'); END;
CREATE TRIGGER submissions_append_only_update BEFORE UPDATE ON submissions BEGIN SELECT RAISE(ABORT, 'submissions is append-only'); END;
CREATE TRIGGER submissions_append_only_delete BEFORE DELETE ON submissions BEGIN SELECT RAISE(ABORT, 'submissions is append-only'); END;
CREATE TRIGGER expert_votes_append_only_update BEFORE UPDATE ON expert_votes BEGIN SELECT RAISE(ABORT, 'expert_votes is append-only'); END;
CREATE TRIGGER expert_votes_append_only_delete BEFORE DELETE ON expert_votes BEGIN SELECT RAISE(ABORT, 'expert_votes is append-only'); END;
CREATE TRIGGER audit_log_append_only_update BEFORE UPDATE ON audit_log BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END;
CREATE TRIGGER audit_log_append_only_delete BEFORE DELETE ON audit_log BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END;
CREATE INDEX ix_leases_ran_out ON leases (rater) WHERE state = 2;
COMMIT;
