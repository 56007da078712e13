import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.AuthApi;
import org.openapitools.client.api.ItemsApi;
import org.openapitools.client.model.CreateItemBody;
import org.openapitools.client.model.ItemDTO;
import org.openapitools.client.model.ItemPage;
import org.openapitools.client.model.LoginBody;
import org.openapitools.client.model.Problem;

/** Logs in, creates, conflicts and lists. */
public final class Client {
  public static void main(String[] arguments) throws Exception {
    ApiClient client = new ApiClient();
    client.updateBaseUri(arguments[0]);
    var tokens = new AuthApi(client).login(new LoginBody().email(arguments[1]).password(arguments[2]));
    client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + tokens.getAccessToken()));
    ItemsApi items = new ItemsApi(client);
    CreateItemBody body = new CreateItemBody().sku(arguments[3]).name("Chair").category("furniture");
    String created = items.createItem(body, null).getSku();
    String conflict = "";
    try {
      items.createItem(body, null);
    } catch (ApiException refused) {
      conflict = client.getObjectMapper().readValue(refused.getResponseBody(), Problem.class).getType();
    }
    ItemPage listed = list(items, null, body.getSku(), null);
    ItemDTO sparse = list(items, 1, null, "id,name").getItems().get(0); // Jackson leaves null what an answer leaves out
    var fields = new TreeMap<String, Object>();
    fields.put("id", sparse.getId());
    fields.put("name", sparse.getName());
    fields.put("sku", sparse.getSku());
    fields.values().removeIf(Objects::isNull);
    var seen = Map.of(
        "created", created,
        "conflict", conflict,
        "listed", listed.getItems().stream().map(one -> one.getSku()).toList(),
        "sparse", fields.keySet());
    System.out.println(client.getObjectMapper().writeValueAsString(seen));
  }

  private static ItemPage list(ItemsApi items, Integer limit, String q, String fields) throws ApiException {
    var answer = items.listItems(limit, null, null, null, q, null, null, null, null, null, null, null, null, null, null, fields);
    return (ItemPage) answer.getActualInstance();
  }
}
