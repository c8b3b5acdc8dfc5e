//! Answers that say less than AWS did.

use evenkeel_tests::Trial;
use evenkeel_tests::aws::{Rules, Trouble};

use super::FUNCTION;

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_cut_short_says_nothing_of_what_it_no_longer_holds() {
    let spec = format!("{FUNCTION}\nTopic n: {{}}\nQueue q: {{}}\nParameter p: {{value: x}}");
    let trial = Trial::start(Rules::kind()).await;
    trial.converge(&spec).await;
    let reads =
        ["GetAccountAuthorizationDetails", "ListRoles", "ListTopics", "ListTagsForResource", "GetTopicAttributes"];
    let reads = reads.into_iter().chain(["ListQueues", "ListFunctions", "GetFunction", "DescribeParameters"]);
    for read in reads.chain(["GetQueueAttributes", "DescribeLogGroups", "GetParameters"]) {
        trial.aws.trouble(read, Trouble::CutShort);
        trial.aws.trouble(read, Trouble::CutShort);
    }
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_is_cut_short_is_looked_at_and_not_made_twice() {
    let trial = Trial::start(Rules::kind()).await;
    let writes = ["CreateRole", "PutRolePolicy", "AttachRolePolicy", "CreateTopic", "CreateQueue", "CreateFunction"];
    for write in writes {
        trial.aws.trouble(write, Trouble::CutShort);
    }
    let spec = format!("{FUNCTION}\nTopic n: {{}}\nQueue q: {{}}");
    trial.converge(&spec).await;
    for write in ["CreateRole", "CreateTopic", "CreateQueue", "CreateFunction"] {
        assert_eq!(trial.count(write), 1, "{write}:\n{}", trial.story());
    }
    trial.quiet(&spec).await;
}
